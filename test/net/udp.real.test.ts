/** Datagrams over the system's sockets. */
import assert from "node:assert/strict";
import dgram from "node:dgram";
import test from "node:test";
import { ClosedError, moveOnAfter, taskGroup, until, withTimeout } from "coppice";
import { DatagramError, type DatagramSocket, DatagramTooLargeError, openUdp } from "coppice/net";
import { really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";

const PATIENCE_MS = 10_000;

async function text(socket: DatagramSocket): Promise<string> {
  return String(Buffer.from((await withTimeout(PATIENCE_MS, () => socket.receive())).bytes));
}

for (const host of ["127.0.0.1", "::1"]) {
  test(`${host}: an echo, connected on one side and not on the other, keeps boundaries, the empty ones too`, () =>
    really(async () => {
      await using server = await openUdp({ host, port: 0 });
      await using client = await openUdp({ remote: server.localAddress });
      assert.deepEqual(client.remoteAddress, server.localAddress);
      assert.equal(server.remoteAddress, undefined);
      await taskGroup(async (group) => {
        group.spawn(
          async () => {
            for await (const { bytes, from } of server) await server.send(bytes, from);
          },
          { background: true },
        );
        for (const size of [3, 0, 1_000, 0, 60_000]) {
          await client.send(Buffer.alloc(size, "x"));
          const { bytes, from } = await withTimeout(PATIENCE_MS, () => client.receive());
          assert.equal(bytes.length, size);
          assert.deepEqual(from, server.localAddress);
        }
      });
    }));
}

test("a connected socket hears its peer alone", () =>
  really(async () => {
    await using server = await openUdp({ port: 0 });
    await using client = await openUdp({ remote: server.localAddress });
    await using stranger = await openUdp();
    await client.send(Buffer.from("hello"));
    const { from } = await withTimeout(PATIENCE_MS, () => server.receive());
    await stranger.send(Buffer.from("stranger"), from);
    await server.send(Buffer.from("server"), from);
    assert.equal(await text(client), "server");
  }));

test("that nothing listens there is a DatagramError of a later call, and the socket goes on", () =>
  really(async () => {
    const gone = await openUdp({ port: 0 });
    const { localAddress } = gone;
    await gone.close();
    await using client = await openUdp({ remote: localAddress });
    await client.send(Buffer.from("anybody?"));
    const error = await rejection(withTimeout(PATIENCE_MS, () => client.receive()));
    assert.ok(error instanceof DatagramError);
    assert.equal(error.systemCode, "ECONNREFUSED");
    await using server = await openUdp({ ...localAddress });
    await client.send(Buffer.from("now"));
    assert.equal(await text(server), "now");
  }));

test("the largest datagram is sent whole; one of a byte more is an error of its sender and disturbs nobody", () =>
  really(async () => {
    await using server = await openUdp({ port: 0 });
    await using client = await openUdp({ remote: server.localAddress });
    assert.ok((await rejection(client.send(new Uint8Array(65_508)))) instanceof DatagramTooLargeError);
    await client.send(new Uint8Array(65_507));
    assert.equal((await withTimeout(PATIENCE_MS, () => server.receive())).bytes.length, 65_507);
  }));

test("a flood that nobody receives is bounded, and what was dropped is counted", () =>
  really(async () => {
    await using server = await openUdp({ port: 0, maxBufferedBytes: 10 * (100 + 128) });
    await using client = await openUdp({ remote: server.localAddress });
    // The system may drop some of a burst itself, so it is sent until some were dropped here.
    await withTimeout(PATIENCE_MS, async () => {
      while (server.droppedCount === 0) {
        for (let index = 0; index < 20; index++) await client.send(new Uint8Array(100));
        await moveOnAfter(1, () => client.receive());
      }
    });
    const dropped = server.droppedCount;
    assert.ok(dropped > 0);
    for (let index = 0; index < 10; index++) assert.equal((await server.receive()).bytes.length, 100);
  }));

test("a receive is cut by a deadline and loses nothing", () =>
  really(async () => {
    await using server = await openUdp({ port: 0 });
    await using client = await openUdp({ remote: server.localAddress });
    assert.equal(await moveOnAfter(5, () => server.receive()), undefined);
    await client.send(Buffer.from("late"));
    assert.equal(await text(server), "late");
  }));

test("closed while it waits, a receive throws ClosedError", () =>
  really(async () => {
    const socket = await openUdp({ port: 0 });
    await taskGroup(async (group) => {
      const waiting = group.spawn(() => rejection(socket.receive()));
      await moveOnAfter(5, () => until(new Promise(() => {})));
      await socket.close();
      assert.ok((await waiting) instanceof ClosedError);
    });
  }));

/** Why this machine cannot send to a multicast group over its loopback interface; `undefined` if it can. */
async function noMulticast(): Promise<string | undefined> {
  const socket = dgram.createSocket({ type: "udp4", reuseAddr: true });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => resolve("no datagram came back"), 1_000);
  socket.on("error", (error) => resolve(error.message));
  socket.on("message", () => resolve(undefined));
  socket.bind(0, () => {
    try {
      socket.addMembership("239.255.7.7", "127.0.0.1");
      socket.setMulticastInterface("127.0.0.1");
      socket.send("probe", socket.address().port, "239.255.7.7", (error) => error && resolve(error.message));
    } catch (error) {
      resolve((error as Error).message);
    }
  });
  const reason = await promise;
  clearTimeout(timer);
  socket.close();
  return reason && `this machine has no multicast on its loopback interface: ${reason}`;
}

const noGroups = (await noMulticast()) ?? false;

test("a multicast datagram reaches every member of the group, and nobody who has left it", { skip: noGroups }, () =>
  really(async () => {
    const group = "239.255.7.8";
    await using first = await openUdp({ host: "0.0.0.0", port: 0, reuseAddress: true });
    const { port } = first.localAddress;
    await using second = await openUdp({ host: "0.0.0.0", port, reuseAddress: true });
    await using sender = await openUdp();
    sender.setMulticast({ interfaceAddress: "127.0.0.1", ttl: 1, loopback: true });
    for (const member of [first, second]) member.joinGroup(group, "127.0.0.1");
    await sender.send(Buffer.from("all"), { host: group, port });
    assert.deepEqual([await text(first), await text(second)], ["all", "all"]);
    second.leaveGroup(group, "127.0.0.1");
    await sender.send(Buffer.from("one"), { host: group, port });
    assert.equal(await text(first), "one");
    const error = await rejection((async () => second.leaveGroup(group, "127.0.0.1"))());
    assert.ok(error instanceof DatagramError);
    assert.equal(error.systemCode, "EADDRNOTAVAIL");
  }),
);

test("a group that is none is refused", () =>
  really(async () => {
    await using socket = await openUdp({ host: "0.0.0.0", port: 0 });
    assert.ok((await rejection((async () => socket.joinGroup("127.0.0.1"))())) instanceof DatagramError);
  }));
