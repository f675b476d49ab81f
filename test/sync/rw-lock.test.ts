import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, DeadlockError, InvalidStateError, Lock, RwLock, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** A lock, and tasks that hold it until told otherwise. */
function book() {
  const lock = new RwLock({ name: "book" });
  const log: string[] = [];
  async function hold(name: string, acquire: () => Promise<Disposable>, ms: number): Promise<void> {
    using _ = await acquire();
    log.push(name);
    await sleep(ms);
    log.push(`${name} out`);
  }
  return {
    lock,
    log,
    read: (name: string, ms = 10) => hold(name, () => lock.acquireRead(), ms),
    write: (name: string, ms = 10) => hold(name, () => lock.acquireWrite(), ms),
  };
}

test("readers enter together", () =>
  virtually(async () => {
    const { lock, log, read } = book();
    await taskGroup(async (group) => {
      group.spawn(() => read("a"));
      group.spawn(() => read("b"));
      await waitAllTasksBlocked();
      assert.deepEqual(lock.statistics(), { readers: 2, writer: undefined, waiting: 0 });
    });
    assert.deepEqual(log, ["a", "b", "a out", "b out"]);
  }));

test("a writer is alone", () =>
  virtually(async () => {
    const { lock, log, read, write } = book();
    await taskGroup(async (group) => {
      group.spawn(() => write("a"), { name: "a" });
      await waitAllTasksBlocked();
      group.spawn(() => write("b"));
      group.spawn(() => read("c"));
      await waitAllTasksBlocked();
      assert.deepEqual(lock.statistics(), { readers: 0, writer: "a", waiting: 2 });
    });
    assert.deepEqual(log, ["a", "a out", "b", "b out", "c", "c out"]);
  }));

test("no reader passes a writer who waits, and readers next to each other in the queue enter together", () =>
  virtually(async () => {
    const { log, read, write } = book();
    await taskGroup(async (group) => {
      const steps = [() => read("r1"), () => write("w1"), () => read("r2"), () => read("r3"), () => write("w2")];
      for (const step of [...steps, () => read("r4")]) {
        group.spawn(step);
        await waitAllTasksBlocked();
      }
    });
    assert.deepEqual(log, [
      ...["r1", "r1 out", "w1", "w1 out"],
      ...["r2", "r3", "r2 out", "r3 out", "w2", "w2 out", "r4", "r4 out"],
    ]);
  }));

test("tryAcquireRead does not pass a writer who waits", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { lock, read, write } = book();
      group.spawn(() => read("r"));
      await waitAllTasksBlocked();
      {
        using beside = lock.tryAcquireRead();
        assert.ok(beside);
      }
      assert.equal(lock.tryAcquireWrite(), undefined);
      group.spawn(() => write("w"));
      await waitAllTasksBlocked();
      assert.equal(lock.tryAcquireRead(), undefined);
    }),
  ));

test("a writer who leaves the queue lets in the readers behind it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { log, read, write } = book();
      group.spawn(() => read("r1", 100));
      await waitAllTasksBlocked();
      const writer = group.spawn(() => write("w"));
      await waitAllTasksBlocked();
      group.spawn(() => read("r2"));
      group.spawn(() => read("r3"));
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["r1"]);
      writer.cancel();
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["r1", "r2", "r3"]);
    }),
  ));

test("a reader who leaves the queue changes nothing for those behind it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { log, read, write } = book();
      group.spawn(() => write("w1", 100));
      await waitAllTasksBlocked();
      const reader = group.spawn(() => read("r"));
      await waitAllTasksBlocked();
      group.spawn(() => write("w2"));
      await waitAllTasksBlocked();
      reader.cancel();
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["w1"]);
    }),
  ));

for (const [first, second] of [
  ["Read", "Read"],
  ["Read", "Write"],
  ["Write", "Read"],
  ["Write", "Write"],
] as const) {
  test(`acquire${second} in the task that holds it by acquire${first} throws, and names both`, () =>
    virtually(async () => {
      const lock = new RwLock({ name: "book" });
      await taskGroup((group) => {
        group.spawn(
          async () => {
            using _ = await lock[`acquire${first}`]();
            const error = await rejection(lock[`acquire${second}`]());
            assert.ok(error instanceof DeadlockError);
            assert.match(error.message, /task "reader" already holds read-write lock "book"/);
            assert.throws(() => lock[`tryAcquire${second}`](), DeadlockError);
          },
          { name: "reader" },
        );
      });
      assert.deepEqual(lock.statistics(), { readers: 0, writer: undefined, waiting: 0 });
    }));
}

test("release gives back the hold of this task, whichever it is", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { lock, read } = book();
      await lock.acquireWrite();
      lock.release();
      const reader = group.spawn(() => read("r"));
      await lock.acquireRead();
      await waitAllTasksBlocked();
      assert.equal(lock.statistics().readers, 2);
      lock.release();
      assert.equal(lock.statistics().readers, 1);
      assert.throws(() => lock.release(), InvalidStateError);
      await reader;
    }),
  ));

test("outside of every task, release gives back the hold that is oldest", async () => {
  const lock = new RwLock();
  await lock.acquireRead();
  await lock.acquireRead();
  assert.equal(lock.statistics().readers, 2);
  lock.release();
  lock.release();
  assert.throws(() => lock.release(), InvalidStateError);
  assert.ok(lock.tryAcquireWrite());
});

test("a reader that ends without releasing breaks those who wait and those who would, but no reader beside it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { lock } = book();
      const careless = group.spawn(
        async () => {
          await lock.acquireRead();
          await sleep(1);
        },
        { name: "careless" },
      );
      await waitAllTasksBlocked();
      const writer = group.spawn(() => rejection(lock.acquireWrite()));
      const behind = group.spawn(() => rejection(lock.acquireRead()));
      await careless;
      for (const task of [writer, behind]) {
        const error = await task;
        assert.ok(error instanceof BrokenError);
        assert.match(error.message, /task "careless" ended without releasing read-write lock "book"/);
      }
      assert.ok((await rejection(lock.acquireWrite())) instanceof BrokenError);
      assert.throws(() => lock.tryAcquireWrite(), BrokenError);
      using _ = await lock.acquireRead();
    }),
  ));

test("a reader that entered while somebody waited is watched, too", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { lock, write } = book();
      group.spawn(() => write("w"));
      await waitAllTasksBlocked();
      group.spawn(async () => void (await lock.acquireRead()), { name: "careless" });
      await waitAllTasksBlocked();
      const error = await rejection(lock.acquireWrite());
      assert.ok(error instanceof BrokenError);
    }),
  ));

test("a task that ends while it waits, having abandoned the wait, does not stand in the way", async () => {
  await virtually(() =>
    taskGroup(async (group) => {
      const { lock, write } = book();
      group.spawn(() => write("w"));
      await waitAllTasksBlocked();
      group.spawn(() => void lock.acquireWrite().catch(() => {}));
      await waitAllTasksBlocked();
      using _ = await lock.acquireRead();
    }),
  );
});

test("a circle through one of several readers, and through another lock, is found", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { lock, read } = book();
      const other = new Lock({ name: "other" });
      group.spawn(() => read("bystander", 100));
      const reader = group.spawn(
        async () => {
          using _ = await lock.acquireRead();
          await sleep(1);
          using __ = await other.acquire();
          return "done";
        },
        { name: "reader" },
      );
      const writer = group.spawn(
        async () => {
          using _ = await other.acquire();
          await sleep(2);
          return await rejection(lock.acquireWrite());
        },
        { name: "writer" },
      );
      const error = await writer;
      assert.ok(error instanceof DeadlockError);
      assert.match(error.message, /read-write lock "book", held by task "reader", which waits for lock "other"/);
      assert.equal(await reader, "done");
    }),
  ));

test("thousands may wait behind thousands of readers, and no wait begins with a look at each of those", () =>
  virtually(async () => {
    const lock = new RwLock();
    const crowd = 20_000;
    let written = 0;
    await taskGroup(async (group) => {
      const hold = async (acquire: () => Promise<Disposable>, ms: number): Promise<void> => {
        using _ = await acquire();
        await sleep(ms);
      };
      for (let reader = 0; reader < crowd; reader++) group.spawn(() => hold(() => lock.acquireRead(), 1));
      await waitAllTasksBlocked();
      assert.deepEqual(lock.statistics(), { readers: crowd, writer: undefined, waiting: 0 });
      for (let writer = 0; writer < crowd; writer++)
        group.spawn(() => hold(() => lock.acquireWrite(), 0).then(() => void written++));
    });
    assert.equal(written, crowd);
  }));
