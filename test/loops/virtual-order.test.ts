/** With a seed, the order of what happens in the same moment is drawn; who is handed what is not. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  cancelScope,
  channel,
  currentLoop,
  Event,
  isCancelled,
  moveOnAfter,
  run,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  until,
} from "coppice";
import { listen, openTcp, serve } from "coppice/net";
import { VirtualLoop, waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

/** Several tasks that become ready in the same moment, and the order in which they go on. */
type Program = (note: (name: number) => void) => Promise<void>;

async function orderOf(program: Program, seed?: number): Promise<string> {
  const order: number[] = [];
  await virtually(() => program((name) => order.push(name)), seed === undefined ? {} : { seed });
  return order.join(" ");
}

const TASKS = 10;

/** Tasks that all wait in `wait`, until `release` ends it for all of them at once. */
function together(wait: () => PromiseLike<unknown>, release: () => unknown): Program {
  return (note) =>
    taskGroup(async (group) => {
      for (let name = 0; name < TASKS; name++) {
        group.spawn(async () => {
          await wait();
          note(name);
        });
        // One after the other, so that the order of starting plays no part.
        await waitAllTasksBlocked();
      }
      await release();
    });
}

const programs: Record<string, () => Program> = {
  "tasks that an event wakes": () => {
    const event = new Event();
    return together(
      () => event.wait(),
      () => event.set(),
    );
  },
  "tasks that wait for one promise": () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return together(() => until(promise), resolve);
  },
  "tasks that wait for one task": () => (note) =>
    taskGroup(async (group) => {
      const event = new Event();
      const task = group.spawn(() => event.wait());
      await together(
        () => task,
        () => event.set(),
      )(note);
    }),
  "tasks whose channel is closed": () => {
    const [sender, receiver] = channel<never>(0);
    return together(
      () => rejection(receiver.receive()),
      () => sender.close(),
    );
  },
  "sleeps that end at the same time": () =>
    together(
      () => sleep(100 - currentLoop().time()),
      () => sleep(50),
    ),
  "turns of the loop": () => (note) =>
    taskGroup((group) => {
      const event = new Event();
      for (let name = 0; name < TASKS; name++) {
        group.spawn(async () => {
          await event.wait();
          await sleep(0);
          note(name);
        });
      }
      event.set();
    }),
  "tasks that are cancelled": () => async (note) => {
    await cancelScope((scope) =>
      taskGroup(async (group) => {
        for (let name = 0; name < TASKS; name++) group.spawn(() => sleepForever().finally(() => note(name)));
        await waitAllTasksBlocked();
        scope.cancel();
      }),
    );
  },
};

for (const [name, program] of Object.entries(programs)) {
  test(`${name} go on in the order of arrival without a seed`, async () => {
    assert.equal(await orderOf(program()), "0 1 2 3 4 5 6 7 8 9");
  });

  test(`${name} go on in an order that the seed decides`, async () => {
    const orders = new Set<string>();
    for (const seed of SEEDS) {
      const order = await orderOf(program(), seed);
      assert.equal(await orderOf(program(), seed), order);
      assert.equal(order.split(" ").sort().join(" "), "0 1 2 3 4 5 6 7 8 9");
      orders.add(order);
    }
    assert.ok(orders.size > SEEDS.length / 2, `${orders.size} orders of ${SEEDS.length} seeds`);
  });
}

test("every order of three tasks comes up", async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const event = new Event();
    const log: number[] = [];
    const waiter = (name: number) => async (): Promise<void> => {
      await event.wait();
      log.push(name);
    };
    await virtually(
      () =>
        taskGroup(async (group) => {
          for (const name of [1, 2, 3]) group.spawn(waiter(name));
          await waitAllTasksBlocked();
          event.set();
        }),
      { seed },
    );
    orders.add(log.join(""));
  }
  assert.deepEqual([...orders].sort(), ["123", "132", "213", "231", "312", "321"]);
});

test("a deadline and a sleep that end at the same time come in either order", async () => {
  const outcomes = new Set<unknown>();
  for (const seed of SEEDS) {
    outcomes.add(
      await virtually(
        () =>
          moveOnAfter(5, async () => {
            await sleep(5);
            return "slept";
          }),
        { seed },
      ),
    );
  }
  assert.deepEqual(outcomes, new Set(["slept", undefined]));
});

test("values go to receivers first come, first served, whoever goes on first", async () => {
  const orders = new Set<string>();
  for (const seed of SEEDS) {
    const received: number[][] = [];
    await virtually(
      () =>
        taskGroup(async (group) => {
          const [sender, receiver] = channel<number>(Infinity);
          for (let name = 0; name < TASKS; name++) {
            group.spawn(async () => {
              received.push([name, await receiver.receive()]);
            });
            await waitAllTasksBlocked();
          }
          await Promise.all(Array.from({ length: TASKS }, (_, value) => sender.send(value)));
        }),
      { seed },
    );
    for (const [name, value] of received) assert.equal(value, name);
    orders.add(received.join(" "));
  }
  assert.ok(orders.size > SEEDS.length / 2);
});

test("whoever was woken keeps that, though it is cancelled before its turn comes", async () => {
  for (const seed of SEEDS) {
    await virtually(
      () =>
        taskGroup(async (group) => {
          const event = new Event();
          const attempts = Array.from({ length: TASKS }, () => attempt(group, () => event.wait()));
          await waitAllTasksBlocked();
          event.set();
          for (const { scope } of attempts) scope.cancel();
          for (const { over } of attempts) await over;
          for (const { outcome, didNextThrow } of attempts)
            assert.deepEqual([outcome, didNextThrow], [undefined, true]);
        }),
      { seed },
    );
  }
});

test("an error is still built where its wait is awaited", () =>
  virtually(
    async () => {
      async function innermost(receive: () => Promise<unknown>): Promise<void> {
        await receive();
      }
      const [sender, receiver] = channel<never>(0);
      const failing = rejection(innermost(() => receiver.receive()));
      sender.close();
      assert.match(((await failing) as Error).stack ?? "", /async innermost/);
      const [, idle] = channel<never>(0);
      await cancelScope(async (scope) => {
        const cancelled = cancellation(innermost(() => idle.receive()));
        scope.cancel();
        assert.match((await cancelled).stack ?? "", /async innermost/);
      });
    },
    { seed: 1 },
  ));

/** A bit of everything, with a line for each thing that happens. */
async function trace(seed: number): Promise<string[]> {
  const log: string[] = [];
  const loop = new VirtualLoop({ seed });
  const note = (what: string): void => {
    log.push(`${loop.time()} ${what}`);
  };
  await run(
    () =>
      moveOnAfter(10_000, () =>
        taskGroup(async (group) => {
          const [jobs, workers] = channel<number>(3);
          const listener = await listen({ port: 0 });
          group.spawn(() =>
            serve(listener, async (stream) => {
              for await (const bytes of stream) {
                note(`served ${bytes}`);
                await sleep(Math.floor(currentLoop().random() * 5));
                await stream.send(bytes);
              }
            }),
          );
          for (let name = 0; name < 8; name++) {
            group.spawn(async () => {
              const stream = await openTcp({ host: "localhost", port: listener.address.port });
              try {
                for await (const job of workers) {
                  note(`worker ${name} has job ${job}`);
                  await stream.send(Uint8Array.of(job));
                  note(`worker ${name} was answered ${await stream.receive()}`);
                }
              } catch (error) {
                if (isCancelled(error)) note(`worker ${name} is cut off`);
                throw error;
              } finally {
                await shield(() => stream.close());
              }
            });
          }
          for (let job = 0; job < 100; job++) {
            await jobs.send(job);
            if (job % 10 === 0) await sleep(1);
          }
          await sleep(3);
          note("enough");
          group.cancelAll();
        }),
      ),
    { loop },
  );
  return log;
}

test("a sizeable program does exactly the same in each run of one seed, and something else with another", async () => {
  const traces = new Set<string>();
  for (const seed of [1, 2, 3, 4, 5]) {
    const first = await trace(seed);
    assert.ok(first.length > 300);
    assert.deepEqual(await trace(seed), first);
    traces.add(first.join("\n"));
  }
  assert.equal(traces.size, 5);
});

test("a run with a seed leaves the order of another loop alone", async () => {
  const plain = programs["tasks that an event wakes"]?.() as Program;
  const [, order] = await Promise.all([trace(1), orderOf(plain)]);
  assert.equal(order, "0 1 2 3 4 5 6 7 8 9");
});
