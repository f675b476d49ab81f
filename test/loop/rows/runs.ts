/** Running, stopping and closing. */
import assert from "node:assert/strict";
import {
  ClosedError,
  cancelScope,
  checkpoint,
  InvalidStateError,
  isCancelled,
  run,
  sleep,
  sleepForever,
} from "coppice";
import { currentEventLoop, EndpointProtocol, EventLoop, StreamProtocol, SubprocessProtocol } from "coppice/loop";
import { portOf, Recorder, type Row, turn } from "../kit.ts";

export const runRows: readonly Row[] = [
  {
    name: "runUntilComplete gives the outcome of a function, a generator, a future, a promise",
    run: async ({ loop }) => {
      assert.equal(await loop.runUntilComplete(() => sleep(1).then(() => 1)), 1);
      assert.equal(await loop.runUntilComplete(() => 2), 2);
      assert.equal(
        await loop.runUntilComplete(function* () {
          yield sleep(1);
          return 3;
        }),
        3,
      );
      const future = loop.createFuture<number>();
      loop.callSoon(() => future.setResult(4));
      assert.equal(await loop.runUntilComplete(future), 4);
      assert.equal(await loop.runUntilComplete(Promise.resolve(5)), 5);
      const failure = new Error("its own");
      await assert.rejects(
        loop.runUntilComplete(() => Promise.reject(failure)),
        (error) => error === failure,
      );
      await assert.rejects(loop.runUntilComplete(6 as unknown as () => void), TypeError);
    },
  },
  {
    name: "runForever goes on until it is stopped, and can be run again",
    run: async ({ loop }) => {
      for (let time = 0; time < 2; time++) {
        assert.equal(loop.isRunning, false);
        loop.callLater(2, () => {
          assert.equal(loop.isRunning, true);
          loop.stop();
        });
        await loop.runForever();
      }
      assert.equal(loop.isRunning, false);
    },
  },
  {
    name: "a stop that comes before the run ends it after one turn",
    run: async ({ loop }) => {
      let isCalled = false;
      loop.callSoon(() => {
        isCalled = true;
      });
      loop.stop();
      await loop.runForever();
      assert.equal(isCalled, true);
    },
  },
  {
    name: "a stop that came before a run which is over at once does not end the next one",
    run: async ({ loop }) => {
      loop.stop();
      assert.equal(await loop.runUntilComplete(() => 1), 1);
      assert.equal(await loop.runUntilComplete(() => sleep(5).then(() => 2)), 2);
      const failure = new Error("its own");
      loop.stop();
      await assert.rejects(
        loop.runUntilComplete(() => {
          throw failure;
        }),
        (error) => error === failure,
      );
      assert.equal(await loop.runUntilComplete(() => sleep(5).then(() => 3)), 3);
    },
  },
  {
    name: "a stop cuts the wait for a promise or a future short",
    run: async ({ loop }) => {
      for (const work of [new Promise<void>(() => {}), loop.createFuture<void>()]) {
        loop.callLater(1, () => loop.stop());
        await assert.rejects(loop.runUntilComplete(work), InvalidStateError);
      }
    },
  },
  {
    name: "a stop cuts runUntilComplete short, cleanup included",
    run: async ({ loop }) => {
      let isCleanedUp = false;
      loop.callLater(1, () => loop.stop());
      const running = loop.runUntilComplete(async () => {
        try {
          await sleepForever();
        } finally {
          isCleanedUp = true;
        }
      });
      await assert.rejects(running, InvalidStateError);
      assert.equal(isCleanedUp, true);
      assert.equal(await loop.runUntilComplete(() => "again"), "again");
    },
  },
  {
    name: "a run inside of a run is refused, as is a second one beside it",
    run: async ({ loop }) => {
      await loop.runUntilComplete(async () => {
        await assert.rejects(
          loop.runUntilComplete(() => 1),
          InvalidStateError,
        );
        await assert.rejects(loop.runForever(), InvalidStateError);
        await assert.rejects(new EventLoop(loop.loop).runForever(), InvalidStateError);
      });
      const first = loop.runUntilComplete(() => sleep(1));
      await assert.rejects(loop.runForever(), InvalidStateError);
      await first;
    },
  },
  {
    name: "currentEventLoop is the one that runs, in its runs, its tasks and its callbacks",
    run: async ({ loop }) => {
      const other = new EventLoop(loop.loop);
      const seen: EventLoop[] = [];
      await other.runUntilComplete(async () => {
        seen.push(currentEventLoop());
        await other.createTask(async () => {
          seen.push(currentEventLoop());
          await sleep(1);
        });
        other.callSoon(() => seen.push(currentEventLoop()));
        await turn(other);
      });
      assert.ok(seen.length === 3 && seen.every((each) => each === other));
      await other.close();
    },
  },
  {
    name: "currentEventLoop in a plain run is the one that stands for its loop",
    run: async ({ loop }) => {
      await run(
        () => {
          assert.equal(currentEventLoop(), loop);
          assert.equal(loop.isRunning, true);
        },
        { loop: loop.loop },
      );
      assert.equal(loop.isRunning, false);
    },
  },
  {
    name: "close is idempotent, and whatever is asked for afterwards is refused",
    run: async ({ loop: stillOpen }) => {
      const loop = new EventLoop(stillOpen.loop);
      const closing = loop.close();
      assert.equal(loop.close(), closing);
      await closing;
      assert.equal(loop.isClosed, true);
      const stream = (): StreamProtocol => new StreamProtocol();
      const sync = [
        () => loop.callSoon(() => {}),
        () => loop.callLater(1, () => {}),
        () => loop.callAt(1, () => {}),
        () => loop.createFuture(),
        () => loop.createTask(() => {}),
        () => loop.addSignalHandler("SIGUSR2", () => {}),
        () => loop.runInExecutor(undefined, () => {}),
        () => loop.setDefaultExecutor({ submit: () => Promise.reject(new Error("unused")) }),
      ];
      for (const use of sync) assert.throws(use, ClosedError, String(use));
      const waiting = [
        () => loop.runUntilComplete(() => {}),
        () => loop.runForever(),
        () => loop.createServer(stream, { port: 0 }),
        () => loop.createUnixServer(stream, { path: "/nowhere" }),
        () => loop.createConnection(stream, { port: 1 }),
        () => loop.createUnixConnection(stream, { path: "/nowhere" }),
        () => loop.createDatagramEndpoint(() => new EndpointProtocol(), {}),
        () => loop.subprocessExec(() => new SubprocessProtocol(), ["true"]),
      ];
      for (const use of waiting) await assert.rejects(use(), ClosedError, String(use));
      loop.stop();
      assert.equal(loop.removeSignalHandler("SIGUSR2"), false);
      assert.equal(stillOpen.isClosed, false);
    },
  },
  {
    name: "a loop that runs cannot be closed, nor can one close itself",
    run: async ({ loop }) => {
      await loop.runUntilComplete(() => assert.rejects(loop.close(), InvalidStateError));
      const task = loop.createTask(() => assert.rejects(loop.close(), InvalidStateError));
      await loop.runUntilComplete(task);
    },
  },
  {
    name: "close cancels the tasks, and waits for their cleanup",
    run: async ({ loop: around }) => {
      const loop = new EventLoop(around.loop);
      const log: string[] = [];
      loop.createTask(async () => {
        try {
          await sleepForever();
        } catch (error) {
          assert.ok(isCancelled(error));
          loop.callSoon(() => log.push("a callback of the cleanup"));
          throw error;
        } finally {
          await new Promise<void>((resolve) => loop.callLater(2, resolve));
          log.push("cleaned up");
        }
      });
      await loop.runUntilComplete(() => sleep(1));
      loop.callLater(1_000, () => log.push("never"));
      await loop.close();
      assert.deepEqual(log, ["a callback of the cleanup", "cleaned up"]);
    },
  },
  {
    name: "close ends servers and connections, whose protocols hear of it",
    run: async ({ loop: around }) => {
      const loop = new EventLoop(around.loop);
      const accepted = new Recorder();
      const connected = new Recorder();
      const server = await loop.runUntilComplete(async () => {
        const opened = await loop.createServer(() => accepted, { port: 0 });
        await loop.createConnection(() => connected, { port: portOf(opened) });
        await accepted.has("made");
        return opened;
      });
      await loop.close();
      assert.equal(server.isServing, false);
      assert.equal(accepted.log.at(-1), "lost");
      assert.equal(connected.log.at(-1), "lost");
    },
  },
  {
    name: "what was being opened when the loop was closed is ended as soon as it is there",
    run: async ({ loop: around }) => {
      const loop = new EventLoop(around.loop);
      await around.runUntilComplete(async () => {
        await using target = await around.createServer(() => new StreamProtocol(), { port: 0 });
        const connected = new Recorder();
        // On a busy machine the first checkpoint of a call may come after the close: then it opens nothing.
        const refused = (error: unknown): undefined => {
          assert.ok(error instanceof ClosedError);
          return undefined;
        };
        const opening = [
          loop.createServer(() => new StreamProtocol(), { port: 0 }).then((server) => () => !server.isServing),
          loop
            .createDatagramEndpoint(() => new EndpointProtocol(), { local: { host: "127.0.0.1", port: 0 } })
            .then(
              ([endpoint]) =>
                () =>
                  endpoint.isClosing,
            ),
          loop
            .createConnection(() => connected, { port: portOf(target) })
            .then(
              ([transport]) =>
                () =>
                  transport.isClosing && connected.has("lost").then(() => true),
            ),
        ];
        const checks = Promise.all(opening.map((opened) => opened.catch(refused)));
        await loop.close();
        for (const isEnded of await checks) assert.equal((await isEnded?.()) ?? true, true);
      });
    },
  },
  {
    name: "a loop is closed at the end of its block, within a run, too, and one that was cancelled",
    run: async ({ loop: around }) => {
      let kept: EventLoop | undefined;
      await run(
        () =>
          cancelScope(async (scope) => {
            await using loop = new EventLoop();
            assert.equal(loop.loop, around.loop);
            kept = loop;
            loop.createTask(() => sleepForever());
            await checkpoint();
            scope.cancel();
          }),
        { loop: around.loop },
      );
      assert.equal(kept?.isClosed, true);
    },
  },
];
