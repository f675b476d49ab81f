/**
 * Random programs of tasks that acquire, hold, release and are cancelled at random moments, in drawn orders. Whatever they do: never are more
 * inside than allowed, nobody overtakes, nothing is lost, and afterwards everything is free.
 */
import assert from "node:assert/strict";
import test from "node:test";
import {
  Barrier,
  CapacityLimiter,
  Condition,
  checkpoint,
  DeadlockError,
  isCancelled,
  Lock,
  moveOnAfter,
  RwLock,
  Semaphore,
  sleep,
  type Task,
  taskGroup,
} from "coppice";
import fc from "fast-check";
import { virtually } from "../support/virtual.ts";

/** What one task does: when it comes, how long it is ready to wait, how long it holds, when somebody cancels it. */
interface Visit {
  readonly at: number;
  readonly patience: number;
  readonly holdMs: number;
  readonly cancelAt: number;
  readonly writes: boolean;
  readonly releasesByHand: boolean;
}

const ms = fc.integer({ min: 0, max: 8 });
const never = fc.constant(Infinity);
const visits = fc.array(
  fc.record({
    at: ms,
    patience: fc.oneof(ms, never),
    holdMs: ms,
    cancelAt: fc.oneof(fc.integer({ min: 0, max: 20 }), never, never),
    writes: fc.boolean(),
    releasesByHand: fc.boolean(),
  }),
  { minLength: 1, maxLength: 20 },
);
const seeds = fc.integer({ min: 0, max: 1_000_000 });

/** Who asked and who got in, in order. */
class Book {
  readonly asked: number[] = [];
  readonly entered: number[] = [];
  inside = 0;
  most = 0;

  enter(who: number): void {
    this.entered.push(who);
    this.most = Math.max(this.most, ++this.inside);
  }

  leave(): void {
    this.inside--;
  }

  /** Those who got in did so in the order in which they had asked. */
  assertFair(): void {
    const order = this.asked.filter((who) => this.entered.includes(who));
    assert.deepEqual(this.entered, order);
  }
}

interface Door {
  acquire(visit: Visit): Promise<Disposable>;
  release(): void;
}

/** Lets all visits happen, one task each. The order in which tasks go on is drawn, the order in which they are served is not. */
async function letIn(door: Door, all: readonly Visit[], book: Book): Promise<void> {
  await taskGroup((group) => {
    all.forEach((visit, who) => {
      const task = group.spawn(() => visitOnce(door, visit, who, book));
      if (visit.cancelAt !== Infinity) group.spawn(() => cancelLater(task, visit.cancelAt));
    });
  });
  await checkpoint();
  assert.equal(book.inside, 0);
}

async function cancelLater(task: Task<unknown>, afterMs: number): Promise<void> {
  await sleep(afterMs);
  task.cancel();
}

async function visitOnce(door: Door, visit: Visit, who: number, book: Book): Promise<void> {
  await sleep(visit.at);
  book.asked.push(who);
  const guard = await moveOnAfter(visit.patience, () => door.acquire(visit));
  if (guard === undefined) return;
  book.enter(who);
  try {
    await sleep(visit.holdMs);
  } finally {
    book.leave();
    if (visit.releasesByHand) door.release();
    else guard[Symbol.dispose]();
  }
}

function check(property: (all: readonly Visit[], seed: number) => Promise<void>): Promise<void> {
  return Promise.resolve(fc.assert(fc.asyncProperty(visits, seeds, property), { numRuns: 60 }));
}

test("property: a lock has one task inside, serves in order and is free at the end", () =>
  check((all, seed) =>
    virtually(
      async () => {
        const lock = new Lock();
        const book = new Book();
        await letIn(lock, all, book);
        assert.ok(book.most <= 1);
        assert.deepEqual(lock.statistics(), { isLocked: false, owner: undefined, waiting: 0 });
      },
      { seed },
    ),
  ));

test("property: a semaphore has as many tasks inside as it has permits, and has all permits at the end", () =>
  check((all, seed) =>
    virtually(
      async () => {
        const semaphore = new Semaphore(3);
        const book = new Book();
        await letIn(semaphore, all, book);
        assert.ok(book.most <= 3);
        assert.deepEqual(semaphore.statistics(), { available: 3, max: 3, waiting: 0 });
      },
      { seed },
    ),
  ));

test("property: a limiter has as many tasks inside as it has tokens while its total goes up and down", () =>
  check((all, seed) =>
    virtually(
      async () => {
        const limiter = new CapacityLimiter(2);
        const book = new Book();
        await taskGroup(async (group) => {
          group.spawn(async () => {
            for (const total of [0, 4, 1, Infinity, 3]) {
              await sleep(3);
              limiter.total = total;
            }
            limiter.total = 2;
          });
          await letIn(limiter, all, book);
        });
        assert.deepEqual(limiter.statistics(), { total: 2, borrowed: 0, available: 2, waiting: 0 });
      },
      { seed },
    ),
  ));

test("property: a read-write lock has readers or one writer inside, and is free at the end", () =>
  check((all, seed) =>
    virtually(
      async () => {
        const lock = new RwLock();
        const door: Door = {
          acquire: async (visit) => {
            const guard = await (visit.writes ? lock.acquireWrite() : lock.acquireRead());
            const { readers, writer, waiting } = lock.statistics();
            assert.ok(writer === undefined || readers === 0);
            assert.ok(waiting === 0 || readers > 0 || writer !== undefined);
            return guard;
          },
          release: () => lock.release(),
        };
        const book = new Book();
        await letIn(door, all, book);
        assert.deepEqual(lock.statistics(), { readers: 0, writer: undefined, waiting: 0 });
      },
      { seed },
    ),
  ));

for (const [name, open] of [
  ["lock", () => new Lock()],
  ["semaphore", () => new Semaphore(2)],
  ["limiter", () => new CapacityLimiter(2)],
  ["read-write lock", () => rwDoor(new RwLock())],
] as [string, () => Door][]) {
  test(`property: a ${name} serves in the order in which tasks asked`, () =>
    check((all) =>
      // Without a seed: in drawn orders those who were served together go on in any order.
      virtually(async () => {
        const book = new Book();
        await letIn(open(), all, book);
        book.assertFair();
      }),
    ));
}

function rwDoor(lock: RwLock): Door {
  return {
    acquire: (visit) => (visit.writes ? lock.acquireWrite() : lock.acquireRead()),
    release: () => lock.release(),
  };
}

test("property: of what a condition announces nothing is lost: each item is taken once, or left over with nobody waiting", () =>
  fc.assert(
    fc.asyncProperty(visits, seeds, async (all, seed) => {
      await virtually(
        async () => {
          const condition = new Condition();
          const items: number[] = [];
          const taken: number[] = [];
          await taskGroup(async (group) => {
            const takers = all.map((visit) =>
              group.spawn(async () => {
                await sleep(visit.at);
                await moveOnAfter(visit.patience, async () => {
                  using _ = await condition.lock.acquire();
                  await condition.waitFor(() => items.length > 0);
                  taken.push(items.shift() as number);
                });
              }),
            );
            all.forEach((visit, which) => {
              const taker = takers[which];
              if (visit.cancelAt !== Infinity && taker) group.spawn(() => cancelLater(taker, visit.cancelAt));
            });
            for (const item of all.keys()) {
              await sleep(item % 2);
              using _ = await condition.lock.acquire();
              items.push(item);
              condition.notify();
            }
            await sleep(50);
            assert.ok(items.length === 0 || condition.statistics().waiting === 0, "one waits beside an item");
            group.cancelAll();
          });
          assert.deepEqual(
            [...taken, ...items].sort((a, b) => a - b),
            [...all.keys()],
          );
          assert.equal(condition.lock.isLocked, false);
          assert.equal(condition.statistics().waiting, 0);
        },
        { seed },
      );
    }),
    { numRuns: 100 },
  ));

test("property: a barrier opens for full rounds only, each with every index once", () =>
  fc.assert(
    fc.asyncProperty(visits, seeds, fc.integer({ min: 1, max: 4 }), async (all, seed, parties) => {
      await virtually(
        async () => {
          const barrier = new Barrier(parties);
          const indexes: number[] = [];
          await taskGroup(async (group) => {
            for (const visit of all) {
              group.spawn(async () => {
                await sleep(visit.at);
                const index = await moveOnAfter(visit.patience, () => barrier.wait());
                if (index !== undefined) indexes.push(index);
              });
            }
            await sleep(50);
            group.cancelAll();
          });
          assert.equal(indexes.length % parties, 0);
          for (let index = 0; index < parties; index++) {
            assert.equal(indexes.filter((each) => each === index).length, indexes.length / parties);
          }
          assert.equal(barrier.statistics().waiting, 0);
        },
        { seed },
      );
    }),
    { numRuns: 60 },
  ));

test("property: tasks that acquire locks in any order never hang: who would close a circle is refused", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }), { minLength: 2, maxLength: 8 }),
      seeds,
      async (wishes, seed) => {
        await virtually(
          async () => {
            const locks = Array.from({ length: 4 }, (_, index) => new Lock({ name: `${index}` }));
            await taskGroup((group) => {
              for (const wish of wishes) {
                group.spawn(async () => {
                  using held = new DisposableStack();
                  try {
                    for (const which of wish) {
                      held.use(await locks[which]!.acquire());
                      await sleep(1);
                    }
                  } catch (error) {
                    if (isCancelled(error) || !(error instanceof DeadlockError)) throw error;
                    assert.match(error.message, /would wait for ever/);
                  }
                });
              }
            });
            for (const lock of locks) assert.equal(lock.isLocked, false);
          },
          { seed },
        );
      },
    ),
    { numRuns: 100 },
  ));
