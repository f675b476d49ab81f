/** Connecting to a name with several addresses: they race, and nothing of the losers is left. */
import assert from "node:assert/strict";
import test from "node:test";
import { ConnectError, cancelScope, currentLoop, ErrorGroup, moveOnAfter, sleep, taskGroup } from "coppice";
import { openTcp, type SocketStream, type TcpOptions } from "coppice/net";
import { interleave } from "../../src/net/happy-eyeballs.ts";
import { RacingNetwork } from "../support/racing-network.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const FOUR = ["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"];

/** Runs `body` on a network where `example.test` has `addresses`. */
function racing(
  addresses: readonly string[],
  answers: RacingNetwork["answers"],
  body: (network: RacingNetwork) => Promise<void>,
): Promise<void> {
  return virtually(() => {
    const network = new RacingNetwork().install();
    network.names["example.test"] = addresses;
    Object.assign(network.answers, answers);
    return body(network);
  });
}

const open = (options: Partial<TcpOptions> = {}): Promise<SocketStream> =>
  openTcp({ host: "example.test", port: 80, ...options });

async function failureOf(promise: Promise<unknown>): Promise<ConnectError> {
  const error = await rejection(promise);
  assert.ok(error instanceof ConnectError);
  return error;
}

test("the families take turns, beginning with that of the resolver's first address, each address once", () => {
  const resolved = (...hosts: string[]): { address: string; family: 4 | 6 }[] =>
    hosts.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  assert.deepEqual(interleave(resolved(...FOUR)), ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]);
  assert.deepEqual(interleave(resolved("192.0.2.1", "192.0.2.2", "192.0.2.3", "::1")), [
    "192.0.2.1",
    "::1",
    "192.0.2.2",
    "192.0.2.3",
  ]);
  assert.deepEqual(interleave(resolved("192.0.2.1", "192.0.2.1")), ["192.0.2.1"]);
  assert.deepEqual(interleave([]), []);
});

test("an attempt that does not answer is joined by the next one every 250 ms, and none is given up before one stands", () =>
  racing(FOUR, { "192.0.2.2": { afterMs: 1_000 } }, async (network) => {
    const stream = await open();
    assert.equal(currentLoop().time(), 1_750);
    assert.deepEqual(network.log, [
      "0 2001:db8::1 begun",
      "250 192.0.2.1 begun",
      "500 2001:db8::2 begun",
      "750 192.0.2.2 begun",
      "1750 2001:db8::1 given up",
      "1750 192.0.2.1 given up",
      "1750 2001:db8::2 given up",
    ]);
    stream.abort();
  }));

test("an earlier attempt that answers late still wins", () =>
  racing(FOUR, { "2001:db8::1": { afterMs: 600 } }, async (network) => {
    await open();
    assert.equal(currentLoop().time(), 600);
    assert.deepEqual(network.log.slice(3), ["600 192.0.2.1 given up", "600 2001:db8::2 given up"]);
    assert.equal(network.transports.get("2001:db8::1")?.calls.length, 0);
  }));

test("the first address answering in time is the only one tried", () =>
  racing(FOUR, { "2001:db8::1": { afterMs: 249 } }, async (network) => {
    await open();
    assert.deepEqual(network.log, ["0 2001:db8::1 begun"]);
  }));

test("an attempt that fails is followed by the next one at once", () =>
  racing(
    FOUR,
    {
      "2001:db8::1": { afterMs: 10, error: "ENETUNREACH" },
      "192.0.2.1": { afterMs: 10, error: "ECONNREFUSED" },
      "2001:db8::2": { afterMs: 10 },
    },
    async (network) => {
      await open();
      assert.deepEqual(network.log, ["0 2001:db8::1 begun", "10 192.0.2.1 begun", "20 2001:db8::2 begun"]);
    },
  ));

test("the failure of an attempt that another has joined already hurries nobody", () =>
  racing(
    FOUR,
    { "2001:db8::1": { afterMs: 300, error: "ETIMEDOUT" }, "2001:db8::2": { afterMs: 1 } },
    async (network) => {
      await open();
      assert.deepEqual(network.log, [
        "0 2001:db8::1 begun",
        "250 192.0.2.1 begun",
        "500 2001:db8::2 begun",
        "501 192.0.2.1 given up",
      ]);
    },
  ));

test("the delay can be chosen; with Infinity an attempt begins only when the one before has failed", () =>
  racing(FOUR.slice(0, 3), { "2001:db8::1": { afterMs: 5_000, error: "ETIMEDOUT" } }, async (network) => {
    await moveOnAfter(6_000, () => open({ connectionAttemptDelayMs: Infinity }));
    assert.deepEqual(network.log.slice(0, 2), ["0 2001:db8::1 begun", "5000 192.0.2.1 begun"]);
    network.log.length = 0;
    await moveOnAfter(100, () => open({ connectionAttemptDelayMs: 20 }));
    assert.deepEqual(network.log.slice(0, 3), [
      "6000 2001:db8::1 begun",
      "6020 192.0.2.1 begun",
      "6040 2001:db8::2 begun",
    ]);
  }));

test("two that stand in the same moment: the first is kept, the second aborted", () =>
  racing(["2001:db8::1", "192.0.2.1"], {}, async (network) => {
    await taskGroup(async (group) => {
      const opening = group.spawn(() => open());
      await sleep(300);
      network.stand("192.0.2.1");
      network.stand("2001:db8::1");
      assert.equal(await opening, network.protocols.get("192.0.2.1"));
      assert.deepEqual(network.transports.get("192.0.2.1")?.calls, []);
      assert.deepEqual(network.transports.get("2001:db8::1")?.calls, ["abort"]);
    });
  }));

test("when all have failed, the error has every address and its reason, in the order of their failing", () =>
  racing(
    ["2001:db8::1", "192.0.2.1", "192.0.2.2"],
    {
      "2001:db8::1": { afterMs: 0, error: "ENETUNREACH" },
      "192.0.2.1": { afterMs: 400, error: "ETIMEDOUT" },
      "192.0.2.2": { afterMs: 1, error: "ECONNREFUSED" },
    },
    async () => {
      const error = await failureOf(open());
      assert.equal(
        error.message,
        "connect to example.test:80: none of its 3 addresses can be reached: 2001:db8::1: there is no way to that network (ENETUNREACH); " +
          "192.0.2.2: nothing listens there (ECONNREFUSED); 192.0.2.1: no answer (ETIMEDOUT)",
      );
      assert.equal(error.systemCode, undefined);
      assert.ok(error.cause instanceof ErrorGroup);
      assert.deepEqual(
        error.cause.errors.map((one) => [one instanceof ConnectError, one.message, one.systemCode]),
        [
          [true, "connect to [2001:db8::1]:80: there is no way to that network (ENETUNREACH)", "ENETUNREACH"],
          [true, "connect to 192.0.2.2:80: nothing listens there (ECONNREFUSED)", "ECONNREFUSED"],
          [true, "connect to 192.0.2.1:80: no answer (ETIMEDOUT)", "ETIMEDOUT"],
        ],
      );
      assert.equal(currentLoop().time(), 400);
    },
  ));

test("a code that all addresses failed with is the code of the whole", () =>
  racing(
    FOUR.slice(1, 3),
    { "2001:db8::2": { afterMs: 0, error: "ECONNREFUSED" }, "192.0.2.1": { afterMs: 0, error: "ECONNREFUSED" } },
    async () => {
      assert.equal((await failureOf(open())).systemCode, "ECONNREFUSED");
    },
  ));

test("a name with one address fails as that address does, and says which it is", () =>
  racing(["192.0.2.1"], { "192.0.2.1": { afterMs: 0, error: "ECONNREFUSED" } }, async () => {
    const error = await failureOf(open());
    assert.equal(error.message, "connect to example.test:80 (192.0.2.1): nothing listens there (ECONNREFUSED)");
    assert.equal((error.cause as { code?: string }).code, "ECONNREFUSED");
  }));

test("an address is no name: it is not looked up", () =>
  racing([], { "192.0.2.7": { afterMs: 0 }, "::1": { afterMs: 0 } }, async (network) => {
    network.resolve = (): never => assert.fail("looked up");
    await open({ host: "192.0.2.7" });
    await open({ host: "::1" });
    assert.deepEqual(network.log, ["0 192.0.2.7 begun", "0 ::1 begun"]);
  }));

for (const [code, words] of [
  ["ENOTFOUND", "the host name is not known (ENOTFOUND)"],
  ["EAI_AGAIN", "the host name could not be looked up for now (EAI_AGAIN): the name server does not answer, try again"],
] as const) {
  test(`a lookup that fails with ${code} is a ConnectError in plain words`, () =>
    racing([], {}, async (network) => {
      network.names["example.test"] = code;
      const error = await failureOf(open());
      assert.equal(error.message, `connect to example.test:80: ${words}`);
      assert.equal(error.systemCode, code);
    }));
}

test("a name without addresses is a ConnectError", () =>
  racing([], {}, async () => {
    assert.equal((await failureOf(open())).message, "connect to example.test:80: the host name has no address");
  }));

test("with an address to connect from, only those of its family are tried", () =>
  racing(FOUR, { "192.0.2.1": { afterMs: 0, error: "ETIMEDOUT" }, "192.0.2.2": { afterMs: 0 } }, async (network) => {
    await open({ localHost: "192.0.2.9" });
    assert.deepEqual(network.log, ["0 192.0.2.1 begun from 192.0.2.9", "0 192.0.2.2 begun from 192.0.2.9"]);
    network.names["example.test"] = FOUR.slice(0, 2);
    assert.equal(
      (await failureOf(open({ localHost: "192.0.2.9" }))).message,
      "connect to example.test:80: the host name has no IPv4 address, and 192.0.2.9 can connect to no other",
    );
  }));

test("cancelled during the lookup, nothing is tried when the lookup is done", () =>
  racing(FOUR, {}, async (network) => {
    network.lookupMs = 100;
    await cancelScope(async (scope) => {
      const opening = assertCancelledBy(scope, open());
      await sleep(50);
      scope.cancel();
      await opening;
    });
    await sleep(100);
    assert.deepEqual(network.log, []);
  }));

test("cancelled during the race, every attempt is given up and no further one begins", () =>
  racing(FOUR, {}, async (network) => {
    await cancelScope(async (scope) => {
      const opening = assertCancelledBy(scope, open());
      await sleep(300);
      scope.cancel();
      await opening;
    });
    await sleep(1_000);
    assert.deepEqual(network.log.slice(2), ["300 2001:db8::1 given up", "300 192.0.2.1 given up"]);
  }));

test("one that stands after the cancellation is aborted", () =>
  racing(FOUR, {}, async (network) => {
    await cancelScope(async (scope) => {
      const opening = assertCancelledBy(scope, open());
      await sleep(1);
      scope.cancel();
      network.stand("2001:db8::1");
      await opening;
    });
    assert.deepEqual(network.transports.get("2001:db8::1")?.calls, ["abort"]);
  }));

test("a bad delay is a RangeError, a bad port a ConnectError, and nothing is tried", () =>
  racing(FOUR, {}, async (network) => {
    for (const connectionAttemptDelayMs of [-1, Number.NaN]) {
      assert.ok((await rejection(open({ connectionAttemptDelayMs }))) instanceof RangeError);
    }
    const error = await failureOf(open({ port: 70_000 }));
    assert.equal(error.message, "connect to example.test:70000: expected a port from 0 to 65535, got 70000");
    assert.deepEqual(network.log, []);
  }));
