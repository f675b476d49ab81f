/** Signals as something to receive. What happens without a receiver is shown by programs of their own. */
import assert from "node:assert/strict";
import test from "node:test";
import { ClosedError, isCancelled, moveOnAfter, sleep, taskGroup } from "coppice";
import { openSignals, type SignalName } from "coppice/process";
import { type Program, startFile } from "../support/program.ts";
import { really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";

/** Sends a signal to this process, and lets it come: it is read between two rounds of timers, however late they are. */
async function raise(signal: NodeJS.Signals): Promise<void> {
  process.kill(process.pid, signal);
  await sleep(1);
  await sleep(1);
}

const start = (name: string): Program => startFile("test/process/signals-program.ts", [name]);

test("a signal is received, whether it came before or while somebody waits", () =>
  really(async () => {
    using signals = openSignals(["SIGALRM", "SIGHUP"]);
    await taskGroup(async (group) => {
      const waiting = group.spawn(() => signals.receive());
      await sleep(5);
      process.kill(process.pid, "SIGALRM");
      assert.equal(await waiting, "SIGALRM");
    });
    await raise("SIGHUP");
    assert.equal(await signals.receive(), "SIGHUP");
  }));

test("a signal that comes again before it was received is one; different ones come in their order", () =>
  really(async () => {
    using signals = openSignals(["SIGALRM", "SIGHUP"]);
    for (const signal of ["SIGHUP", "SIGALRM", "SIGHUP", "SIGALRM", "SIGHUP"] as const) {
      await raise(signal);
    }
    assert.deepEqual([await signals.receive(), await signals.receive()], ["SIGHUP", "SIGALRM"]);
    assert.equal(await moveOnAfter(20, () => signals.receive()), undefined);
  }));

test("a loop receives them until it is left, and then nobody listens", () =>
  really(async () => {
    const received: SignalName[] = [];
    await taskGroup(async (group) => {
      group.spawn(async () => {
        for await (const signal of openSignals(["SIGALRM"])) {
          received.push(signal);
          if (received.length === 2) break;
        }
      });
      for (let count = 0; count < 2; count++) {
        await sleep(20);
        process.kill(process.pid, "SIGALRM");
      }
    });
    assert.deepEqual(received, ["SIGALRM", "SIGALRM"]);
    assert.equal(process.listenerCount("SIGALRM"), 0);
  }));

test("closing wakes whoever waits, ends a loop, and is idempotent", () =>
  really(async () => {
    const signals = openSignals(["SIGALRM"]);
    await taskGroup(async (group) => {
      const waiting = group.spawn(() => rejection(signals.receive()));
      const loop = group.spawn(async () => {
        for await (const _ of signals) assert.fail("nothing comes");
      });
      await sleep(5);
      signals.close();
      signals.close();
      assert.ok((await waiting) instanceof ClosedError);
      await loop;
    });
    assert.ok((await rejection(signals.receive())) instanceof ClosedError);
    assert.equal(process.listenerCount("SIGALRM"), 0);
  }));

test("of two receivers of one signal the later one gets it, until it is closed", () =>
  really(async () => {
    using first = openSignals(["SIGALRM"]);
    const second = openSignals(["SIGALRM"]);
    await raise("SIGALRM");
    // Not received there, it goes on to the first.
    second.close();
    assert.equal(await first.receive(), "SIGALRM");
    process.kill(process.pid, "SIGALRM");
    assert.equal(await first.receive(), "SIGALRM");
  }));

test("a receiver below another can be closed first", () =>
  really(async () => {
    const first = openSignals(["SIGALRM"]);
    using second = openSignals(["SIGALRM"]);
    first.close();
    process.kill(process.pid, "SIGALRM");
    assert.equal(await second.receive(), "SIGALRM");
  }));

test("a wait that is abandoned in a cancelled loop closes the receiver quietly", () =>
  really(async () => {
    const signals = openSignals(["SIGALRM"]);
    const iterator = signals[Symbol.asyncIterator]();
    await moveOnAfter(5, async () => {
      assert.ok(isCancelled(await rejection(iterator.next())));
    });
    assert.equal(process.listenerCount("SIGALRM"), 0);
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  }));

test("what is no signal, or cannot be taken, is a TypeError, and nothing was taken", () => {
  assert.throws(() => openSignals(["SIGALRM", "SIGNONE"]), /expected the name of a signal .* got "SIGNONE"/);
  assert.throws(() => openSignals(["SIGALRM", "SIGKILL"]), /SIGKILL cannot be taken/);
  assert.throws(() => openSignals([]), TypeError);
  assert.throws(() => openSignals("SIGHUP" as unknown as ["SIGHUP"]), TypeError);
  assert.equal(process.listenerCount("SIGALRM"), 0);
});

test("a wait for a signal keeps a main alive", async () => {
  await using program = start("waits in main");
  await program.prints(/ready/);
  program.signal("SIGHUP");
  await program.prints(/SIGHUP/);
  const { code, stdout } = await program.interrupt("SIGALRM");
  assert.deepEqual([code, stdout], [0, "ready\nSIGHUP\nSIGALRM\n"]);
});

test("a program that waits for a signal is ended by another one", async () => {
  await using program = start("sleeps in main");
  await program.prints(/ready/);
  assert.equal((await program.interrupt("SIGTERM")).code, 143);
});

test("in a plain run, a wait for a signal alone is reported as stuck", async () => {
  await using program = start("waits in a plain run");
  const { code, stderr } = await program.ended;
  assert.notEqual(code, 0);
  assert.match(stderr, /DeadlockError: every task is blocked.*to wait for a signal, use main\(\)/);
});

test("a signal that was not received is raised again when the receiver is closed", async () => {
  await using program = start("leaves one undelivered");
  const { signal, stdout } = await program.ended;
  assert.deepEqual([signal, stdout], ["SIGHUP", "survived\n"]);
});

test("after a receiver is closed, its signals do what they did before", async () => {
  await using program = start("is over");
  const { signal, stdout } = await program.ended;
  assert.deepEqual([signal, stdout], ["SIGHUP", "SIGHUP\nclosed\n"]);
});

test("a receiver whose loop is cancelled gives its signals back", async () => {
  await using program = start("is cancelled");
  const { signal, stdout } = await program.ended;
  assert.deepEqual([signal, stdout], ["SIGHUP", "0 listeners\n"]);
});

test("a receiver of main's own signals has them until it is closed", async () => {
  await using program = start("takes what is main's");
  await program.prints(/ready/);
  program.signal("SIGTERM");
  await program.prints(/given back/);
  const { code, stdout } = await program.interrupt("SIGTERM");
  assert.equal(code, 0);
  assert.equal(stdout, "ready\nreceived SIGTERM, stopping: false\ngiven back\nstopping\n");
});

test("what it did not receive of main's own is main's when it is closed", async () => {
  await using program = start("leaves to main what it did not receive");
  const { code, stdout } = await program.ended;
  assert.deepEqual([code, stdout], [0, "stopping: false\nstopping: true\n"]);
});

test("listeners of others are told once, and nothing is raised again for them", async () => {
  await using program = start("is not alone");
  const { code, stdout } = await program.ended;
  assert.deepEqual([code, stdout], [0, "another listener\nno second time\n"]);
});
