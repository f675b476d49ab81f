/** The programs of `main.real.test.ts`: the first argument says which. */
import { currentLoop, currentScope, main, shield, sleep, sleepForever } from "coppice";
import { EventLoop, SelectorLoop } from "coppice/loop";
import { listen } from "coppice/net";
import { serveRpc } from "coppice/rpc";

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Says when it is ready to be told to end. */
async function untilStopped(): Promise<void> {
  say("ready");
  await currentScope().whenStopping();
  say("stopping");
}

async function cutOff(): Promise<void> {
  try {
    say("ready");
    await sleepForever();
  } finally {
    await shield(() => sleep(10));
    say("cleaned up");
  }
}

function boom(): never {
  throw new TypeError("boom");
}

const programs: Record<string, () => Promise<void>> = {
  returns: () => main(() => say("done")),
  "sets exitCode": () =>
    main(() => {
      process.exitCode = 3;
    }),
  throws: () => main(async () => boom()),
  "throws text": () =>
    main(() => {
      throw "only text";
    }),
  "an event loop for a loop": () => main(() => say("done"), { loop: new EventLoop() as never }),
  "another loop": () =>
    main(
      async () => {
        say(currentLoop().name);
        await untilStopped();
      },
      { loop: new SelectorLoop() },
    ),
  "ends in order": () =>
    main(async () => {
      await untilStopped();
      await sleep(20);
      say("ended in order");
    }),
  "fails while stopping": () =>
    main(async () => {
      await untilStopped();
      boom();
    }),
  "takes longer than its grace": () => main(cutOff, { graceMs: 50 }),
  "takes for ever": () => main(cutOff),
  "holds the process": () =>
    main(
      async () => {
        setInterval(() => {}, 1_000);
        await cutOff();
      },
      { graceMs: 50 },
    ),
  "is stuck in a foreign wait": () =>
    main(async () => {
      setInterval(() => {}, 1_000);
      say("ready");
      await new Promise(() => {});
    }),
  "runs two mains": async () => {
    await main(() => say("first"));
    await main(() => say("second"));
    say(`${process.listenerCount("SIGINT")} and ${process.listenerCount("SIGTERM")} listeners`);
  },
  serves: () =>
    main(async () => {
      const listener = await listen({ port: 0 });
      say(`port ${listener.address.port}`);
      await serveRpc(listener, {
        async slow() {
          say("working");
          await sleep(150);
          return "finished";
        },
        foo: () => "ok",
      });
      say("drained");
    }),
};

await programs[process.argv[2] ?? ""]?.();
