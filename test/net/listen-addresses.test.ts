/** Listening on all the addresses of a name, with one port. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, ListenError, sleep } from "coppice";
import { type ListenTcpOptions, listen } from "coppice/net";
import { NotingTransport } from "../support/noting-transport.ts";
import { RacingNetwork } from "../support/racing-network.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** Runs `body` on a network where `localhost` has an address of each family; fails if it leaves a listener behind. */
function dual(body: (network: RacingNetwork) => Promise<void>): Promise<void> {
  return virtually(async () => {
    const network = new RacingNetwork().install();
    network.names.localhost = ["::1", "127.0.0.1"];
    await body(network);
    assert.deepEqual([...network.listening.keys()], []);
  });
}

async function failureOf(options: ListenTcpOptions): Promise<ListenError> {
  const error = await rejection(listen(options));
  assert.ok(error instanceof ListenError);
  return error;
}

test("a name is listened on at all its addresses, in the resolver's order, each once", () =>
  dual(async (network) => {
    network.names.localhost = ["::1", "127.0.0.1", "::1"];
    const listener = await listen({ host: "localhost", port: 8000 });
    assert.deepEqual(listener.addresses, [
      { host: "::1", port: 8000 },
      { host: "127.0.0.1", port: 8000 },
    ]);
    assert.deepEqual(listener.address, { host: "::1", port: 8000 });
    await listener.close();
  }));

test("one address is one address", () =>
  dual(async () => {
    const listener = await listen({ port: 8000 });
    assert.deepEqual(listener.addresses, [listener.address]);
    await listener.close();
  }));

test("connections to any of the addresses are accepted", () =>
  dual(async (network) => {
    const listener = await listen({ host: "localhost", port: 8000 });
    for (const handler of network.listening.values()) {
      const transport = new NotingTransport();
      const protocol = handler.accepted();
      protocol.connectionMade(transport);
      assert.equal(await listener.accept(), protocol);
    }
    await listener.close();
  }));

test("a port that the system chooses is the same on all addresses", () =>
  dual(async () => {
    const listener = await listen({ host: "localhost", port: 0 });
    assert.equal(new Set(listener.addresses.map(({ port }) => port)).size, 1);
    assert.equal(listener.addresses.length, 2);
    await listener.close();
  }));

test("a port that is taken on another address is chosen again, and what was listened on meanwhile is let go of", () =>
  dual(async (network) => {
    network.listenErrors["127.0.0.1"] = ["EADDRINUSE", "EADDRINUSE"];
    const listener = await listen({ host: "localhost", port: 0 });
    assert.deepEqual(
      listener.addresses.map(({ port }) => port),
      [50_002, 50_002],
    );
    assert.equal(network.listening.size, 2);
    await listener.close();
  }));

test("after sixteen choices it is an error", () =>
  dual(async (network) => {
    network.listenErrors["127.0.0.1"] = new Array(17).fill("EADDRINUSE");
    assert.equal((await failureOf({ host: "localhost", port: 0 })).systemCode, "EADDRINUSE");
    assert.equal(network.listenErrors["127.0.0.1"]?.length, 1);
  }));

test("a port of one's own that is taken on one of the addresses is an error that names it", () =>
  dual(async (network) => {
    network.listenErrors["127.0.0.1"] = ["EADDRINUSE"];
    const error = await failureOf({ host: "localhost", port: 8000 });
    assert.match(error.message, /^listen on 127\.0\.0\.1:8000: the port is in use \(EADDRINUSE\)/);
  }));

for (const code of ["EADDRNOTAVAIL", "EAFNOSUPPORT"]) {
  test(`an address that this machine does not have (${code}) is left out, if another is left`, () =>
    dual(async (network) => {
      network.listenErrors["::1"] = [code, code];
      const listener = await listen({ host: "localhost", port: 0 });
      assert.deepEqual(
        listener.addresses.map(({ host }) => host),
        ["127.0.0.1"],
      );
      await listener.close();
      network.listenErrors["127.0.0.1"] = [code];
      assert.equal((await failureOf({ host: "localhost", port: 0 })).systemCode, code);
    }));
}

test("a name that is not known, or has no address, is a ListenError", () =>
  dual(async (network) => {
    network.names["empty.test"] = [];
    assert.equal(
      (await failureOf({ host: "no.test", port: 1 })).message,
      "listen on no.test:1: the host name is not known (ENOTFOUND)",
    );
    assert.equal(
      (await failureOf({ host: "empty.test", port: 1 })).message,
      "listen on empty.test:1: the host name has no address",
    );
  }));

test("cancelled during the lookup, nothing is listened on", () =>
  dual(async (network) => {
    network.lookupMs = 100;
    await cancelScope(async (scope) => {
      const listening = assertCancelledBy(scope, listen({ host: "localhost", port: 0 }));
      await sleep(50);
      scope.cancel();
      await listening;
    });
    await sleep(100);
  }));

test("a bad port is a ListenError, a bad backlog a RangeError", () =>
  dual(async () => {
    assert.equal(
      (await failureOf({ port: 1.5 })).message,
      "listen on 127.0.0.1:1.5: expected a port from 0 to 65535, got 1.5",
    );
    for (const backlog of [0, -1, 1.5, Number.NaN]) {
      assert.ok((await rejection(listen({ port: 0, backlog }))) instanceof RangeError);
    }
  }));
