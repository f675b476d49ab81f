/** The programs of `terminal.real.test.ts`: the first argument says which. */
import { cancelScope, currentScope, main, sleep, sleepForever, taskGroup } from "coppice";
import { prompt, stdin, stdinLines, withRawMode } from "coppice/process";

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Holds the process. */
async function hang(): Promise<never> {
  say("raw");
  return new Promise(() => setInterval(() => {}, 1_000_000));
}

/** Says that the terminal is raw, and waits. */
async function rawForever(): Promise<never> {
  say("raw");
  return sleepForever();
}

const programs: Record<string, () => unknown> = {
  lines: () =>
    main(
      async () => {
        say("ready");
        for await (const line of stdinLines()) say(`<${line}>`);
        say("over");
      },
      { graceMs: 0 },
    ),
  keys: () =>
    main(async () => {
      const keys = await withRawMode(async () => {
        say("raw");
        const pressed: number[] = [];
        while (pressed.at(-1) !== 3) pressed.push(...((await stdin.receive()) ?? []));
        return pressed;
      });
      say(`keys ${keys.join(" ")}`);
      say("cooked");
      for await (const line of stdinLines()) {
        say(`<${line}>`);
        break;
      }
    }),
  throws: () =>
    main(() =>
      withRawMode(() => {
        say("raw");
        throw new Error("boom");
      }),
    ),
  "is cancelled": () =>
    main(() =>
      cancelScope(async (scope) => {
        await taskGroup((group) => {
          group.spawn(() => withRawMode(rawForever));
          group.spawn(async () => {
            await stdin.receive();
            scope.cancel();
          });
        });
      }),
    ),
  "is nested": () =>
    main(async () => {
      await withRawMode(async () => {
        await withRawMode(() => say("inner"));
        await rawForever();
      });
    }),
  "waits in main": () => main(() => withRawMode(rawForever), { graceMs: 0 }),
  "ends in order": () =>
    main(() =>
      withRawMode(async () => {
        say("raw");
        await currentScope().whenStopping();
        say("stopping");
      }),
    ),
  "waits without main": () => withRawMode(hang),
  exits: () =>
    main(() =>
      withRawMode(async () => {
        say("raw");
        await stdin.receive(1);
        process.exit(7);
      }),
    ),
  "has an uncaught error": () =>
    main(() =>
      withRawMode(async () => {
        say("raw");
        await stdin.receive(1);
        setTimeout(() => {
          throw new Error("uncaught");
        });
        await sleepForever();
      }),
    ),
  "has a listener of its own": () => {
    process.on("SIGHUP", () => {
      say("heard");
      setTimeout(() => process.exit(5));
    });
    return withRawMode(hang);
  },
  prompts: () =>
    main(async () => {
      say(`name: ${await prompt("Name? ")}`);
      say(`secret: ${await prompt("Password? ", { echo: false })}`);
      say(`last: ${await prompt("Last? ", { echo: false })}`);
    }),
  "waits at a prompt": () => main(() => prompt("Password? ", { echo: false }), { graceMs: 0 }),
  "leaves a prompt": () =>
    main(async () => {
      await cancelScope(async (scope) => {
        await taskGroup((group) => {
          group.spawn(() => prompt("Password? ", { echo: false }));
          group.spawn(async () => {
            await sleep(100);
            scope.cancel();
          });
        });
      });
      say("left");
      say(`then: ${await prompt("Name? ")}`);
    }),
};

await programs[process.argv[2] ?? ""]?.();
