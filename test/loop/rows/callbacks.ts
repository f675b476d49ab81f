/** Callbacks that are called soon, what they run in, and what becomes of their errors. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { type CancelScope, cancelScope, checkpoint, currentScope, currentTask, sleep } from "coppice";
import { currentEventLoop, type ExceptionContext } from "coppice/loop";
import { portOf, Recorder, type Row, turn } from "../kit.ts";

export const callbackRows: readonly Row[] = [
  {
    name: "callSoon calls in the order of asking, with the arguments",
    run: (kit) =>
      kit.run(async () => {
        const log: unknown[] = [];
        for (let number = 0; number < 100; number++)
          kit.loop.callSoon((...args: unknown[]) => log.push(args), number, -number);
        assert.deepEqual(log, []);
        await turn(kit.loop);
        assert.deepEqual(
          log,
          Array.from({ length: 100 }, (_, number) => [number, -number]),
        );
      }),
  },
  {
    name: "what is scheduled during a turn waits for the next one",
    run: (kit) =>
      kit.run(async () => {
        const log: string[] = [];
        const { loop } = kit;
        loop.callSoon(() => {
          log.push("a");
          loop.callSoon(() => {
            log.push("nested in a");
            loop.callSoon(() => log.push("nested twice"));
          });
        });
        loop.callSoon(() => {
          log.push("b");
          loop.callSoon(() => log.push("nested in b"));
        });
        loop.callSoon(() => log.push("c"));
        for (let left = 3; left > 0; left--) await turn(loop);
        assert.deepEqual(log, ["a", "b", "c", "nested in a", "nested in b", "nested twice"]);
      }),
  },
  {
    name: "a callback that schedules itself for ever leaves input and output their turns",
    run: (kit) =>
      kit.run(async () => {
        const { loop } = kit;
        let isOver = false;
        const again = (): void => {
          if (!isOver) loop.callSoon(again);
        };
        again();
        const accepted = new Recorder();
        await using server = await loop.createServer(() => accepted, { port: 0 });
        const [transport] = await loop.createConnection(() => new Recorder(), { port: portOf(server) });
        transport.write(Buffer.from("through"));
        await accepted.until(() => accepted.text === "through");
        isOver = true;
        transport.close();
        await accepted.has("lost");
      }),
  },
  {
    name: "a cancelled callback is not called; one that was called is not cancelled",
    run: (kit) =>
      kit.run(async () => {
        const log: string[] = [];
        const cancelled = kit.loop.callSoon(() => log.push("cancelled"));
        const called = kit.loop.callSoon(() => log.push("called"));
        cancelled.cancel();
        cancelled.cancel();
        await turn(kit.loop);
        called.cancel();
        assert.deepEqual(log, ["called"]);
        assert.deepEqual([cancelled.cancelled, called.cancelled], [true, false]);
      }),
  },
  {
    name: "a callback that an earlier one of its turn cancels is not called",
    run: (kit) =>
      kit.run(async () => {
        const log: string[] = [];
        kit.loop.callSoon(() => {
          log.push("first");
          second.cancel();
        });
        const second = kit.loop.callSoon(() => log.push("second"));
        await turn(kit.loop);
        assert.deepEqual(log, ["first"]);
      }),
  },
  {
    name: "what is no function is refused at once",
    run: ({ loop }) => {
      const none = undefined as unknown as () => void;
      assert.throws(() => loop.callSoon(none), TypeError);
      assert.throws(() => loop.callLater(1, none), TypeError);
      assert.throws(() => loop.callAt(1, none), TypeError);
      assert.throws(() => loop.createTask(none), TypeError);
      assert.throws(() => loop.runInExecutor(undefined, none), TypeError);
    },
  },
  {
    name: "callbacks keep the AsyncLocalStorage of who asked for them",
    run: (kit) =>
      kit.run(async () => {
        const storage = new AsyncLocalStorage<string>();
        const seen = new Map<string, string | undefined>();
        const see = (who: string): void => {
          seen.set(who, storage.getStore());
        };
        storage.run("one", () => kit.loop.callSoon(see, "first"));
        storage.run("two", () => kit.loop.callSoon(see, "second"));
        kit.loop.callSoon(see, "third");
        storage.run("three", () => kit.loop.callLater(1, see, "timer"));
        await sleep(5);
        await turn(kit.loop);
        assert.deepEqual(Object.fromEntries(seen), { first: "one", second: "two", third: undefined, timer: "three" });
      }),
  },
  {
    name: "callbacks belong to no task, and a cancellation of who asked for them does not reach them",
    run: (kit) =>
      kit.run(async () => {
        let task: unknown = "not called";
        let loop: unknown;
        const over = Promise.withResolvers<void>();
        await cancelScope(async (scope: CancelScope) => {
          kit.loop.callSoon(() => {
            task = currentTask();
            loop = currentEventLoop();
            void (async () => {
              await checkpoint();
              await sleep(1);
              over.resolve();
            })();
          });
          scope.cancel();
          await checkpoint();
        });
        await over.promise;
        assert.equal(task, undefined);
        assert.equal(loop, kit.loop);
      }),
  },
  {
    name: "the scope of a callback is the loop's, and cannot be cancelled from within",
    run: (kit) =>
      kit.run(async () => {
        let error: unknown;
        kit.loop.callSoon(() => {
          try {
            currentScope().cancel();
          } catch (thrown) {
            error = thrown;
          }
        });
        await turn(kit.loop);
        assert.match(String(error), /InvalidStateError: this callback belongs to the event loop/);
      }),
  },
  {
    name: "the exception handler is told of a callback that throws, and the others are called",
    run: (kit) =>
      kit.run(async () => {
        const told: ExceptionContext[] = [];
        const log: string[] = [];
        const failure = new Error("thrown");
        kit.loop.setExceptionHandler((context) => told.push(context));
        const handle = kit.loop.callSoon(function explode() {
          throw failure;
        });
        kit.loop.callSoon(() => log.push("after"));
        kit.loop.callLater(1, () => {
          throw failure;
        });
        kit.loop.callLater(1, () => log.push("after the later one"));
        await sleep(5);
        await turn(kit.loop);
        assert.equal(told.length, 2);
        const context = told.find(({ source }) => source === handle);
        assert.deepEqual(context, { message: 'callback "explode" threw', error: failure, source: handle });
        assert.deepEqual(log.sort(), ["after", "after the later one"]);
      }),
  },
  {
    name: "without an exception handler, errors of callbacks are warned of",
    run: (kit) =>
      kit.run(async () => {
        kit.loop.callSoon(function explode() {
          throw new Error("thrown");
        });
        await turn(kit.loop);
        assert.match(kit.takeWarning("COPPICE_CALLBACK_ERROR"), /^callback "explode" threw\nError: thrown\n {4}at /);
        kit.loop.setExceptionHandler(() => {});
        kit.loop.setExceptionHandler(undefined);
        kit.loop.callExceptionHandler({ message: "by hand" });
        assert.equal(kit.takeWarning("COPPICE_CALLBACK_ERROR"), "by hand");
      }),
  },
  {
    name: "an exception handler that throws is warned of, with what it was told",
    run: (kit) => {
      kit.loop.setExceptionHandler(() => {
        throw new Error("in the handler");
      });
      kit.loop.callExceptionHandler({ message: "the first" });
      assert.deepEqual(kit.takeWarnings(), ["COPPICE_CALLBACK_ERROR", "COPPICE_CALLBACK_ERROR"]);
    },
  },
];
