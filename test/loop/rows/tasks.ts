/** Tasks and futures of the loop, and what runs elsewhere. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { ClosedError, cancelScope, Future, isCancelled, sleep, sleepForever } from "coppice";
import { EventLoop, type Executor } from "coppice/loop";
import { type Row, turn } from "../kit.ts";

export const taskRows: readonly Row[] = [
  {
    name: "a task of the loop outlives who started it, cancelled or not",
    run: (kit) =>
      kit.run(async () => {
        const log: string[] = [];
        let task: PromiseLike<unknown> | undefined;
        await cancelScope(async (scope) => {
          task = kit.loop.createTask(async () => {
            await sleep(5);
            log.push("done");
            return "value";
          });
          scope.cancel();
          await sleep(1);
        });
        log.push("its starter is gone");
        assert.equal(await task, "value");
        assert.deepEqual(log, ["its starter is gone", "done"]);
      }),
  },
  {
    name: "a task starts later, has a name, and keeps the AsyncLocalStorage of who started it",
    run: (kit) =>
      kit.run(async () => {
        const storage = new AsyncLocalStorage<string>();
        let seen: string | undefined = "not yet";
        const task = storage.run("mine", () =>
          kit.loop.createTask(
            () => {
              seen = storage.getStore();
            },
            { name: "named" },
          ),
        );
        assert.equal(seen, "not yet");
        await task;
        assert.equal(seen, "mine");
        assert.equal(task.name, "named");
      }),
  },
  {
    name: "the error of a task that is awaited is thrown, and not reported",
    run: (kit) =>
      kit.run(async () => {
        const failure = new Error("its own");
        const awaited = kit.loop.createTask(() => Promise.reject(failure));
        await assert.rejects(async () => await awaited, failure);
        const asked = kit.loop.createTask(() => Promise.reject(failure));
        await turn(kit.loop);
        assert.equal(asked.error(), failure);
        const late = kit.loop.createTask(() => Promise.reject(failure));
        await turn(kit.loop);
        await assert.rejects(async () => await late, failure);
      }),
  },
  {
    name: "an error of a task that nobody has seen is reported when the loop is closed; a cancellation is not",
    run: async (kit) => {
      const loop = new EventLoop(kit.loop.loop);
      await loop.runUntilComplete(async () => {
        loop.createTask(() => Promise.reject(new Error("unseen")), { name: "failing" });
        const cancelled = loop.createTask(() => sleepForever());
        await turn(loop);
        cancelled.cancel();
        await turn(loop);
      });
      assert.deepEqual(kit.takeWarnings(), []);
      await loop.close();
      assert.match(
        kit.takeWarning("COPPICE_UNOBSERVED_ERROR"),
        /^the error of task "failing" was never looked at.*\nError: unseen/,
      );
    },
  },
  {
    name: "a task of the loop can be cancelled alone",
    run: (kit) =>
      kit.run(async () => {
        const task = kit.loop.createTask(() => sleepForever());
        const other = kit.loop.createTask(() => sleep(2));
        await turn(kit.loop);
        task.cancel("enough");
        await assert.rejects(async () => await task, isCancelled);
        assert.equal(task.cancelled, true);
        await other;
      }),
  },
  {
    name: "a future of the loop is a future",
    run: (kit) =>
      kit.run(async () => {
        const future = kit.loop.createFuture<number>({ name: "answer" });
        assert.ok(future instanceof Future);
        kit.loop.callLater(1, () => future.setResult(42));
        assert.equal(await future, 42);
        assert.equal(future.name, "answer");
      }),
  },
  {
    name: "runInExecutor calls the function later, and gives a future of its outcome",
    run: (kit) =>
      kit.run(async () => {
        const { loop } = kit;
        let isCalled = false;
        const sum = loop.runInExecutor(
          undefined,
          (a: number, b: number) => {
            isCalled = true;
            return a + b;
          },
          2,
          3,
        );
        assert.equal(isCalled, false);
        assert.equal(await sum, 5);
        assert.equal(await loop.runInExecutor(undefined, async () => "awaited"), "awaited");
        const failing = loop.runInExecutor(undefined, () => {
          throw new Error("in there");
        });
        await assert.rejects(async () => await failing, /in there/);
      }),
  },
  {
    name: "an executor of one's own is used, and the default one is closed with the loop",
    run: async (kit) => {
      const loop = new EventLoop(kit.loop.loop);
      const calls: string[] = [];
      const makeExecutor = (name: string): Executor => ({
        submit: async (fn, ...args) => {
          calls.push(`${name} submit`);
          return (await fn(...args)) as never;
        },
        close: async () => {
          await turn(kit.loop);
          calls.push(`${name} close`);
        },
      });
      const given = makeExecutor("given");
      loop.setDefaultExecutor(makeExecutor("replaced"));
      loop.setDefaultExecutor(makeExecutor("default"));
      await loop.runUntilComplete(async () => {
        assert.equal(await loop.runInExecutor(undefined, () => 1), 1);
        assert.equal(await loop.runInExecutor(given, (value: number) => value, 2), 2);
      });
      await loop.close();
      assert.deepEqual(calls, ["default submit", "given submit", "default close"]);
    },
  },
  {
    name: "a function whose turn has not come when the loop is closed is not called, and its future fails",
    run: async (kit) => {
      const loop = new EventLoop(kit.loop.loop);
      const future = loop.runInExecutor(undefined, () => assert.fail("the loop is closed"));
      loop.setDefaultExecutor({ submit: () => assert.fail("it came later") });
      await loop.close();
      await assert.rejects(async () => await future, ClosedError);
    },
  },
  {
    name: "cancelling the future of runInExecutor cancels that of the executor, and abandons a promise",
    run: (kit) =>
      kit.run(async () => {
        const inner = new Future<never>();
        const cancelling: Executor = { submit: () => inner };
        const future = kit.loop.runInExecutor(cancelling, () => {});
        future.cancel("enough");
        await turn(kit.loop);
        assert.equal(inner.cancelled, true);

        const { promise, reject } = Promise.withResolvers<never>();
        const promising: Executor = { submit: () => promise };
        const abandoned = kit.loop.runInExecutor(promising, () => {});
        abandoned.cancel();
        reject(new Error("nobody's"));
        await turn(kit.loop);
        assert.equal(abandoned.cancelled, true);
      }),
  },
  {
    name: "an executor that refuses is heard at once",
    run: (kit) => {
      const refusing: Executor = {
        submit: () => {
          throw new Error("full");
        },
      };
      assert.throws(() => kit.loop.runInExecutor(refusing, () => {}), /full/);
    },
  },
];
