/** Names with several addresses, and several listeners on one address, with the system's sockets. */
import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import test from "node:test";
import { ConnectError, cancelScope, currentLoop, ErrorGroup, isCancelled, ListenError, taskGroup } from "coppice";
import { listen, openTcp, serve } from "coppice/net";
import { NodeNetwork } from "../../src/loops/node/network.ts";
import { really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";

const families = new Set((await lookup("localhost", { all: true }).catch(() => [])).map(({ family }) => family));
const hasIpv6 = await really(async () => {
  const listener = await listen({ host: "::1", port: 0 }).catch(() => undefined);
  await listener?.close();
  return listener !== undefined;
});
const noIpv6 = !hasIpv6 && "this machine has no IPv6 on its loopback interface";

/** Runs `body` while `localhost` has both its addresses, whatever this machine's files say. */
async function withBoth(body: () => Promise<void>): Promise<void> {
  const own = NodeNetwork.prototype.resolve;
  NodeNetwork.prototype.resolve = async () => [
    { address: "::1", family: 6 },
    { address: "127.0.0.1", family: 4 },
  ];
  try {
    await really(body);
  } finally {
    NodeNetwork.prototype.resolve = own;
  }
}

test("localhost is listened on at all its addresses, and connected to", () =>
  really(async () => {
    await using listener = await listen({ host: "localhost", port: 0 });
    assert.ok(listener.addresses.length <= families.size && listener.addresses.length >= 1);
    await using client = await openTcp({ host: "localhost", port: listener.address.port });
    await using server = await listener.accept();
    assert.deepEqual(server.remoteAddress, client.localAddress);
  }));

test("a name with both families is listened on at both, with one port that the system chose", { skip: noIpv6 }, () =>
  withBoth(async () => {
    await using listener = await listen({ host: "localhost", port: 0 });
    const { port } = listener.address;
    assert.deepEqual(listener.addresses, [
      { host: "::1", port },
      { host: "127.0.0.1", port },
    ]);
    for (const { host } of listener.addresses) {
      await using client = await openTcp({ host, port });
      await using server = await listener.accept();
      assert.equal(server.localAddress.host, host);
      assert.deepEqual(server.remoteAddress, client.localAddress);
    }
  }),
);

test("a port that is taken in one family is chosen again", { skip: noIpv6 }, () =>
  withBoth(async () => {
    // Many ports are taken on IPv4, so that the one that the system chooses on IPv6 is often among them.
    await taskGroup(async (group) => {
      const taken = await Promise.all(Array.from({ length: 200 }, () => group.spawn(() => listen({ port: 0 }))));
      for (let round = 0; round < 50; round++) {
        await using listener = await listen({ host: "localhost", port: 0 });
        assert.equal(new Set(listener.addresses.map(({ port }) => port)).size, 1);
      }
      for (const listener of taken) await listener.close();
    });
  }),
);

test("a server on one family only is found, the other's refusal notwithstanding", { skip: noIpv6 }, () =>
  withBoth(async () => {
    await using listener = await listen({ host: "127.0.0.1", port: 0 });
    await using client = await openTcp({ host: "localhost", port: listener.address.port });
    await using server = await listener.accept();
    assert.equal(client.remoteAddress.host, "127.0.0.1");
    assert.equal(server.remoteAddress.port, client.localAddress.port);
  }),
);

test("where nothing listens in either family, the error has both", { skip: noIpv6 }, () =>
  withBoth(async () => {
    const listener = await listen({ host: "localhost", port: 0 });
    await listener.close();
    const error = await rejection(openTcp({ host: "localhost", port: listener.address.port }));
    assert.ok(error instanceof ConnectError);
    assert.equal(error.systemCode, "ECONNREFUSED");
    assert.ok(error.cause instanceof ErrorGroup);
    assert.equal(error.cause.errors.length, 2);
    assert.match(error.message, /::1: nothing listens there .*; 127\.0\.0\.1: nothing listens there /);
  }),
);

test("races that are cancelled, at once or on their way, leave nothing behind", { skip: noIpv6 }, () =>
  withBoth(async () => {
    await using listener = await listen({ host: "localhost", port: 0 });
    const { port } = listener.address;
    for (let turns = 0; turns < 40; turns++) {
      await cancelScope(async (scope) => {
        const connecting = openTcp({ host: "localhost", port }).then(
          (stream) => stream.abort(),
          (error: unknown) => assert.ok(isCancelled(error)),
        );
        for (let turn = 0; turn < turns % 8; turn++) await currentLoop().breathe();
        scope.cancel();
        await connecting;
      });
    }
  }),
);

test("an address to connect from is the server's remote address", () =>
  really(async () => {
    await using listener = await listen({ port: 0 });
    await using client = await openTcp({ ...listener.address, localHost: "127.0.0.1" });
    await using server = await listener.accept();
    assert.equal(server.remoteAddress.host, "127.0.0.1");
    assert.equal(client.localAddress.host, "127.0.0.1");
    const error = await rejection(openTcp({ ...listener.address, localHost: "192.0.2.1" }));
    assert.ok(error instanceof ConnectError);
    assert.equal(error.systemCode, "EADDRNOTAVAIL");
  }));

test("with ipv6Only, a listener on :: leaves IPv4's port alone", { skip: noIpv6 }, () =>
  really(async () => {
    await using six = await listen({ host: "::", port: 0, ipv6Only: true });
    await using four = await listen({ host: "0.0.0.0", port: six.address.port });
    await using client = await openTcp({ host: "127.0.0.1", port: four.address.port });
    await using server = await four.accept();
    assert.equal(server.remoteAddress.port, client.localAddress.port);
  }),
);

test("with reusePort, two listeners have one port, and a server takes the connections of both", () =>
  really(async () => {
    const first = await listen({ port: 0, reusePort: true });
    const second = await listen({ ...first.address, reusePort: true });
    assert.deepEqual(second.address, first.address);
    assert.ok((await rejection(listen(first.address))) instanceof ListenError);
    await taskGroup(async (group) => {
      let served = 0;
      const count = async (): Promise<void> => {
        served++;
      };
      group.spawn(() => serve([first, second], count));
      for (let index = 0; index < 40; index++) {
        await using client = await openTcp(first.address);
        assert.equal(await client.receive(), undefined);
      }
      assert.equal(served, 40);
      await first.close();
      await second.close();
    });
  }));
