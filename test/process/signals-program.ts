/** The programs of `open-signals.real.test.ts`: the first argument says which. */
import { currentScope, main, moveOnAfter, run, sleep, sleepForever } from "coppice";
import { openSignals } from "coppice/process";

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Sends a signal to this process, and lets it come. */
async function raise(signal: NodeJS.Signals): Promise<void> {
  process.kill(process.pid, signal);
  // It is read between two rounds of timers, however late they are.
  await sleep(1);
  await sleep(1);
}

const programs: Record<string, () => Promise<void>> = {
  "waits in main": () =>
    main(async () => {
      using signals = openSignals(["SIGHUP", "SIGALRM"]);
      say("ready");
      for (let count = 0; count < 2; count++) say(await signals.receive());
    }),
  "waits in a plain run": () =>
    run(async () => {
      using signals = openSignals(["SIGHUP"]);
      await signals.receive();
    }),
  "leaves one undelivered": () =>
    run(async () => {
      {
        using _signals = openSignals(["SIGHUP"]);
        await raise("SIGHUP");
        say("survived");
      }
      await sleep(1_000);
      say("not reached");
    }),
  "is over": () =>
    run(async () => {
      {
        using signals = openSignals(["SIGHUP"]);
        await raise("SIGHUP");
        say(await signals.receive());
      }
      say("closed");
      await raise("SIGHUP");
      say("not reached");
    }),
  "is cancelled": () =>
    run(async () => {
      await moveOnAfter(20, async () => {
        for await (const signal of openSignals(["SIGHUP"])) say(signal);
      });
      say(`${process.listenerCount("SIGHUP")} listeners`);
      await raise("SIGHUP");
      say("not reached");
    }),
  "takes what is main's": () =>
    main(async () => {
      {
        using signals = openSignals(["SIGTERM"]);
        say("ready");
        say(`received ${await signals.receive()}, stopping: ${currentScope().isStopping}`);
      }
      say("given back");
      await currentScope().whenStopping();
      say("stopping");
    }),
  "leaves to main what it did not receive": () =>
    main(async () => {
      {
        using _signals = openSignals(["SIGTERM"]);
        await raise("SIGTERM");
        say(`stopping: ${currentScope().isStopping}`);
      }
      say(`stopping: ${currentScope().isStopping}`);
    }),
  "is not alone": () =>
    main(async () => {
      process.on("SIGHUP", () => say("another listener"));
      using signals = openSignals(["SIGHUP"]);
      await raise("SIGHUP");
      signals.close();
      say("no second time");
      process.removeAllListeners("SIGHUP");
    }),
  "sleeps in main": () =>
    main(
      async () => {
        using _signals = openSignals(["SIGHUP"]);
        say("ready");
        await sleepForever();
      },
      { graceMs: 0 },
    ),
};

await programs[process.argv[2] ?? ""]?.();
