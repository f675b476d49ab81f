/** The programs of `standard-streams.real.test.ts`: the first argument says which. */
import { BrokenError, BusyError, ClosedError, cancelScope, main, moveOnAfter, sleep, taskGroup } from "coppice";
import { openProcess, prompt, runProcess, stderr, stdin, stdinLines, stdout, withRawMode } from "coppice/process";

async function say(text: string): Promise<void> {
  await stdout.send(Buffer.from(`${text}\n`));
}

/** What `promise` rejects with, by name and message. */
async function failure(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

const firstLine = async (): Promise<string | undefined> => {
  for await (const line of stdinLines()) return line;
  return undefined;
};

const programs: Record<string, () => Promise<void>> = {
  lines: () =>
    main(async () => {
      for await (const line of stdinLines()) await say(JSON.stringify(line));
      await say("over");
    }),
  "lines of at most 5": () =>
    main(async () => {
      const iterator = stdinLines({ maxLineBytes: 5 })[Symbol.asyncIterator]();
      await say((await iterator.next()).value ?? "none");
      await say(await failure(iterator.next()));
      const left: Uint8Array[] = [];
      for await (const chunk of stdin) left.push(chunk);
      await say(`left: ${String(Buffer.concat(left))}`);
    }),
  "one line": () =>
    main(async () => {
      await say(`${await firstLine()}`);
    }),
  "a line, bytes, a prompt, a line": () =>
    main(async () => {
      await say(`line ${await firstLine()}`);
      await say(`bytes ${String(await stdin.receive(3))}`);
      await say(`rest ${await prompt("? ")}`);
      await say(`raw ${await withRawMode(() => firstLine())}`);
      await say(`end ${await firstLine()} ${await stdin.receive()}`);
    }),
  "is cancelled in the middle of a line": () =>
    main(async () => {
      await say(`${await moveOnAfter(200, firstLine)}`);
      await say(`${await firstLine()}`);
    }),
  "leaves the rest to a child": () =>
    main(async () => {
      await say(`${await moveOnAfter(100, firstLine)}`);
      const { stdout: rest } = await runProcess(["cat"], { stdin: "inherit" });
      await say(`child ${rest}`);
    }),
  "leaves what follows a line to a child": () =>
    main(async () => {
      await say(`${await firstLine()}`);
      await sleep(100);
      const { stdout: rest } = await runProcess(["cat"], { stdin: "inherit" });
      await say(`child ${rest}`);
    }),
  "two at once": () =>
    main(async () => {
      await taskGroup(async (group) => {
        group.spawn(firstLine, { background: true });
        await sleep(5);
        await say((await failure(stdin.receive())).slice(0, 9));
        await say(`${BusyError.name}`);
      });
    }),
  closes: () =>
    main(async () => {
      await taskGroup(async (group) => {
        const waiting = group.spawn(() => failure(stdin.receive()));
        await sleep(5);
        await stdin.close();
        await say(await waiting);
      });
      await say((await failure(stdin.receive())).slice(0, ClosedError.name.length));
      await stdout.close();
      console.log("console.log goes on");
      await stderr.send(Buffer.from(`${await failure(stdout.send(Buffer.from("x")))}\n`));
    }),
  floods: () =>
    main(async () => {
      const problem = await failure(
        (async () => {
          for (;;) await stdout.send(Buffer.alloc(10_000, "x"));
        })(),
      );
      await stderr.send(Buffer.from(`${problem}\n`));
      await stderr.send(
        Buffer.from(`${(await failure(stdout.send(Buffer.from("x")))).slice(0, BrokenError.name.length)}\n`),
      );
      await stdout.close();
    }),
  "is held up": () =>
    main(async () => {
      let sent = 0;
      await cancelScope(async (scope) => {
        scope.deadline = performance.now() + 300;
        for (; ; sent++) await stdout.send(Buffer.alloc(10_000, "x"));
      });
      await stderr.send(Buffer.from(`sent ${sent}\n`));
    }),
  "writes much": () =>
    main(async () => {
      for (let index = 0; index < 100; index++) await stdout.send(Buffer.alloc(10_000, "x"));
      await stdout.close();
    }),
  "has a child with its output": () =>
    main(async () => {
      await using child = await openProcess(["echo", "from the child"], { stdout: "inherit" });
      await child.wait();
    }),
};

await programs[process.argv[2] ?? ""]?.();
