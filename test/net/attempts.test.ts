/** Waits that cannot be taken up again once they were cancelled, cancelled at every moment that there is. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, currentLoop, isCancelled, shield, taskGroup } from "coppice";
import { listen, listenUnix, openTcp, openUdp, openUnix } from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import type { Network, Protocol } from "../../src/kernel/network.ts";
import { currentNode } from "../../src/kernel/scope.ts";
import { Calls } from "../../src/rpc/calls.ts";
import { attempt } from "../support/attempt.ts";
import { NotingTransport } from "../support/noting-transport.ts";
import { virtually } from "../support/virtual.ts";

interface Trying {
  begin(): Promise<unknown>;
  /** Makes it succeed; after a cancellation, comes too late. */
  succeed(): void;
  /** Whether it gave the right thing. */
  isRight(outcome: unknown): boolean;
  /** Whether what came too late was let go of. */
  isGone(): boolean;
}

/** On a network where a connection stands when the test says so. */
function connecting(begin: () => Promise<unknown>): Trying {
  const transport = new NotingTransport();
  let protocol: Protocol | undefined;
  let isAbandoned = false;
  const network: Pick<Network, "connect" | "resolve"> = {
    resolve: async () => [{ address: "127.0.0.1", family: 4 }],
    connect: (_, of) => {
      protocol = of;
      return () => {
        isAbandoned = true;
      };
    },
  };
  Object.defineProperty(currentLoop(), "network", { value: network });
  return {
    begin,
    succeed: () => protocol?.connectionMade(transport),
    isRight: (outcome) => outcome === protocol,
    isGone: () => isAbandoned && transport.calls.includes("abort"),
  };
}

const attempts: readonly [name: string, open: () => Trying][] = [
  ["openTcp", () => connecting(() => openTcp({ port: 1 }))],
  ["openTcp by a name", () => connecting(() => openTcp({ host: "localhost", port: 1 }))],
  ["openUnix", () => connecting(() => openUnix({ path: "/run/x.sock" }))],
  [
    "a call of a peer",
    () => {
      const calls = new Calls();
      let answered = 0;
      return {
        begin: () => calls.wait(currentNode(), 1),
        succeed: () => calls.settle({ kind: "answer", id: 1, outcome: { result: ++answered } }),
        isRight: (outcome) => outcome === 1,
        isGone: () => answered === 1,
      };
    },
  ],
];

for (const [name, open] of attempts) {
  test(`${name}: cancelled during, it throws, and what comes too late is let go of`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, () => it.begin());
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        it.succeed();
        assert.ok(it.isGone());
      }),
    ));

  test(`${name}: there, then cancelled in the same tick, it is kept and the next checkpoint throws`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, () => it.begin());
        await waitAllTasksBlocked();
        it.succeed();
        waiting.scope.cancel();
        await waiting.over;
        assert.ok(it.isRight(waiting.outcome));
        assert.ok(waiting.didNextThrow);
      }),
    ));

  test(`${name}: cancelled, then there in the same tick, it throws, and what came is let go of`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, () => it.begin());
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        it.succeed();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        assert.ok(it.isGone());
      }),
    ));

  test(`${name}: shielded, it does not notice a cancellation outside`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, () => shield(() => it.begin()));
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waitAllTasksBlocked();
        assert.equal(waiting.outcome, "pending");
        it.succeed();
        await waiting.over;
        assert.ok(it.isRight(waiting.outcome));
        assert.ok(waiting.didNextThrow);
      }),
    ));

  test(`${name}: nested, the outer cancellation passes the scopes in between`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, () => cancelScope(() => cancelScope(() => it.begin())));
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
      }),
    ));
}

test("cancelled before, nothing is attempted", () =>
  virtually(async () => {
    // A network that has nothing: to touch it is an error.
    Object.defineProperty(currentLoop(), "network", { value: {} });
    await cancelScope(async (scope) => {
      scope.cancel();
      await assert.rejects(openTcp({ port: 1 }), isCancelled);
      await assert.rejects(openTcp({ host: "localhost", port: 1 }), isCancelled);
      await assert.rejects(openUnix({ path: "/run/x.sock" }), isCancelled);
      await assert.rejects(openUdp(), isCancelled);
      await assert.rejects(listen({ port: 1 }), isCancelled);
      await assert.rejects(listenUnix({ path: "/run/x.sock" }), isCancelled);
    });
  }));
