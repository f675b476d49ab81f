/** Names, families and ports on the network in memory: connecting and listening as they go together. */
import assert from "node:assert/strict";
import test from "node:test";
import { ConnectError, cancelScope, currentLoop, ErrorGroup, run, sleep, withTimeout } from "coppice";
import { listen, openTcp } from "coppice/net";
import type { VirtualLoop } from "coppice/testing";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { TestLoop } from "../support/virtual.ts";

/** Runs `body` with its network, on which `db.test` has an address of each family; fails if it leaves a timer behind. */
async function named(body: (network: VirtualLoop["network"]) => Promise<void>): Promise<void> {
  for (const seed of [undefined, 1, 2, 3]) {
    const loop = new TestLoop(seed === undefined ? {} : { seed });
    loop.network.hosts.set("db.test", ["2001:db8::1", "192.0.2.1"]);
    loop.network.hosts.set("localhost", ["::1", "127.0.0.1"]);
    await run(() => body(loop.network), { loop });
    assert.equal(loop.live.size, 0, "timers were left behind");
  }
}

test("an address that refuses is passed over at once", () =>
  named(async () => {
    await using listener = await listen({ host: "192.0.2.1", port: 5432 });
    await using client = await openTcp({ host: "db.test", port: 5432 });
    assert.deepEqual(client.remoteAddress, { host: "192.0.2.1", port: 5432 });
    await using server = await listener.accept();
    assert.deepEqual(server.remoteAddress, client.localAddress);
    assert.equal(currentLoop().time(), 0);
  }));

test("an address that never answers costs 250 ms, and is given up when the other stands", () =>
  named(async (network) => {
    network.routes.set("2001:db8::1", { latencyMs: Infinity });
    await using _listener = await listen({ host: "192.0.2.1", port: 5432 });
    await using client = await openTcp({ host: "db.test", port: 5432 });
    assert.equal(client.remoteAddress.host, "192.0.2.1");
    assert.equal(currentLoop().time(), 250);
  }));

test("a slow address wins if nothing else answers, and what the other makes too late is nobody's connection", () =>
  named(async (network) => {
    network.routes.set("2001:db8::1", { latencyMs: 400 });
    network.routes.set("192.0.2.1", { latencyMs: 150 });
    await using six = await listen({ host: "2001:db8::1", port: 5432 });
    await using four = await listen({ host: "192.0.2.1", port: 5432 });
    // Both answer in the same moment: at 400.
    await using client = await openTcp({ host: "db.test", port: 5432 });
    assert.equal(currentLoop().time(), 400);
    const [winner, loser] = client.remoteAddress.host === "192.0.2.1" ? [four, six] : [six, four];
    await using server = await winner.accept();
    assert.deepEqual(server.remoteAddress, client.localAddress);
    await loser.close();
  }));

test("where every way fails, the error has them all", () =>
  named(async (network) => {
    network.routes.set("2001:db8::1", { fails: "ENETUNREACH" });
    network.routes.set("192.0.2.1", { latencyMs: 1_000, fails: "EHOSTUNREACH" });
    const error = await rejection(openTcp({ host: "db.test", port: 5432 }));
    assert.ok(error instanceof ConnectError);
    assert.equal(
      error.message,
      "connect to db.test:5432: none of its 2 addresses can be reached: 2001:db8::1: there is no way to that network (ENETUNREACH); " +
        "192.0.2.1: the machine cannot be reached (EHOSTUNREACH)",
    );
    assert.ok(error.cause instanceof ErrorGroup);
    assert.equal(currentLoop().time(), 1_000);
  }));

test("a name that nobody has is a ConnectError", () =>
  named(async () => {
    const error = await rejection(openTcp({ host: "no-such-host.invalid", port: 1 }));
    assert.equal((error as Error).message, "connect to no-such-host.invalid:1: the host name is not known (ENOTFOUND)");
  }));

test("a timeout cuts a race in which nobody answers, and nothing is left of it", () =>
  named(async (network) => {
    for (const host of ["2001:db8::1", "192.0.2.1"]) network.routes.set(host, { latencyMs: Infinity });
    const connecting = withTimeout(1_000, () => openTcp({ host: "db.test", port: 5432 }));
    assert.equal(((await rejection(connecting)) as Error).name, "TimeoutError");
    assert.equal(currentLoop().time(), 1_000);
  }));

test("cancelled when both are on their way, neither arrives", () =>
  named(async (network) => {
    for (const host of ["2001:db8::1", "192.0.2.1"]) network.routes.set(host, { latencyMs: 500 });
    await using six = await listen({ host: "2001:db8::1", port: 5432 });
    await using four = await listen({ host: "192.0.2.1", port: 5432 });
    await cancelScope(async (scope) => {
      const connecting = assertCancelledBy(scope, openTcp({ host: "db.test", port: 5432 }));
      await sleep(300);
      scope.cancel();
      await connecting;
    });
    await cancelScope(async (scope) => {
      const accepting = [assertCancelledBy(scope, six.accept()), assertCancelledBy(scope, four.accept())];
      await sleep(1_000).finally(() => scope.cancel());
      await Promise.all(accepting);
    });
  }));

test("localhost is listened on in both families with one port, though another program has that port in one of them", () =>
  named(async () => {
    // The first ports that the system would choose are taken on IPv4.
    const first = await listen({ host: "::1", port: 0 });
    const taken = [1, 2, 3].map((step) => listen({ host: "127.0.0.1", port: first.address.port + step }));
    await using listener = await listen({ host: "localhost", port: 0 });
    assert.deepEqual(
      listener.addresses.map(({ host }) => host),
      ["::1", "127.0.0.1"],
    );
    assert.equal(new Set(listener.addresses.map(({ port }) => port)).size, 1);
    for (const { host, port } of listener.addresses) {
      await using client = await openTcp({ host, port });
      await using server = await listener.accept();
      assert.deepEqual(server.localAddress, client.remoteAddress);
    }
    for (const other of await Promise.all(taken)) await other.close();
    await first.close();
  }));
