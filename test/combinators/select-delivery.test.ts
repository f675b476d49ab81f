/** That `select` never loses a value, a lock or a permit that a case was given. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, channel, currentLoop, type Receiver, select, sleep, taskGroup, withTimeout } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { virtually } from "../support/virtual.ts";

/** What is left in a channel, without waiting. */
async function left<T>(receiver: Receiver<T>): Promise<T[]> {
  const values: T[] = [];
  for (;;) {
    const next = await select({ value: () => receiver.receive(), nothing: () => sleep(0) });
    if (next.key === "nothing") return values;
    values.push(next.value);
  }
}

for (const [name, receive] of [
  ["called directly", (receiver: Receiver<string>) => () => receiver.receive()],
  ["in an async function", (receiver: Receiver<string>) => async () => await receiver.receive()],
  ["in a timeout", (receiver: Receiver<string>) => () => withTimeout(1_000, () => receiver.receive())],
  [
    "in a generator",
    (receiver: Receiver<string>) =>
      function* () {
        return (yield receiver.receive()) as string;
      },
  ],
] as const) {
  test(`two receives ${name} that become ready in the same tick: one takes its value, the other's stays`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const [aSender, a] = channel<string>(1);
        const [bSender, b] = channel<string>(1);
        const choice = group.spawn(() => select({ a: receive(a), b: receive(b) }));
        await waitAllTasksBlocked();
        void bSender.send("b");
        void aSender.send("a");
        assert.deepEqual(await choice, { key: "b", value: "b" });
        assert.deepEqual(await left(a), ["a"]);
        assert.deepEqual(await left(b), []);
      }),
    ));

  test(`a receive ${name} that finds its value: one before it, served in the same tick, takes none`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const [aSender, a] = channel<string>(1);
        const [bSender, b] = channel<string>(1);
        await bSender.send("b");
        const choice = group.spawn(() => {
          queueMicrotask(() => void aSender.send("a"));
          return select({ a: receive(a), b: receive(b) });
        });
        const { key } = await choice;
        assert.equal(key, "b");
        assert.deepEqual(await left(a), ["a"]);
        assert.deepEqual(await left(b), []);
      }),
    ));
}

test("a send that is not chosen has sent nothing", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(0);
    assert.equal((await select({ sent: () => sender.send(1), tick: () => sleep(5) })).key, "tick");
    assert.deepEqual(await left(receiver), []);
  }));

test("property: every value sent is received once, by whichever select, with cancellation at random and any seed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 5 })), { maxLength: 25 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 6 })), { maxLength: 25 }),
      fc.integer({ min: 0, max: 1_000_000 }),
      async (capacity, sends, selects, seed) => {
        const sent: string[] = [];
        const received: string[] = [];
        await virtually(
          async () => {
            const channels = [0, 1, 2].map(() => channel<string>(capacity));
            const receivers = channels.map(([, receiver]) => receiver) as [
              Receiver<string>,
              Receiver<string>,
              Receiver<string>,
            ];
            const [a, b, c] = receivers;
            await taskGroup((group) => {
              sends.forEach(([to, at], place) => {
                group.spawn(async () => {
                  await sleep(at);
                  const outcome = await select({
                    sent: () => channels[to]?.[0].send(`${place}`),
                    tick: () => sleep(4),
                  });
                  if (outcome.key === "sent") sent.push(`${place}`);
                });
              });
              for (const [begins, patience] of selects) {
                group.spawn(() =>
                  cancelScope(async (scope) => {
                    await sleep(begins);
                    scope.deadline = currentLoop().time() + patience;
                    const outcome = await select({
                      a: () => a.receive(),
                      b: () => b.receive(),
                      c: () => c.receive(),
                      tick: () => sleep(3),
                    });
                    if (outcome.key !== "tick") received.push(outcome.value);
                  }),
                );
              }
            });
            for (const receiver of receivers) received.push(...(await left(receiver)));
          },
          { seed },
        );
        assert.deepEqual(received.sort(), sent.sort());
      },
    ),
    { numRuns: 150 },
  );
});
