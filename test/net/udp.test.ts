/** Datagrams on the network in memory. */
import assert from "node:assert/strict";
import test from "node:test";
import { currentLoop, run, sleep, TimeoutError, taskGroup, withTimeout } from "coppice";
import { DatagramError, type DatagramSocket, openUdp } from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { TestLoop, virtually } from "../support/virtual.ts";

const text = async (socket: DatagramSocket): Promise<string> => String(Buffer.from((await socket.receive()).bytes));

test("an echo: boundaries are kept, and an empty datagram is a datagram", () =>
  virtually(async () => {
    await using server = await openUdp({ port: 0 });
    await using client = await openUdp({ remote: server.localAddress });
    await taskGroup(async (group) => {
      group.spawn(
        async () => {
          for await (const { bytes, from } of server) await server.send(bytes, from);
        },
        { background: true },
      );
      for (const word of ["one", "", "three"]) await client.send(Buffer.from(word));
      assert.deepEqual([await text(client), await text(client), await text(client)], ["one", "", "three"]);
    });
  }));

test("that nothing listens there is told to a connected socket, which goes on", () =>
  virtually(async () => {
    await using client = await openUdp({ remote: { host: "127.0.0.1", port: 9 } });
    await client.send(Buffer.from("anybody?"));
    const error = await rejection(client.receive());
    assert.ok(error instanceof DatagramError);
    assert.equal(error.systemCode, "ECONNREFUSED");
    await using server = await openUdp({ port: 9 });
    await client.send(Buffer.from("now"));
    assert.equal(await text(server), "now");
  }));

test("of one that is not connected, the server of many, no peer's trouble ends the receiving", () =>
  virtually(async () => {
    await using server = await openUdp({ host: "0.0.0.0", port: 0 });
    await server.send(Buffer.from("reply"), { host: "127.0.0.1", port: 9 });
    await waitAllTasksBlocked();
    await using client = await openUdp({ remote: { host: "127.0.0.1", port: server.localAddress.port } });
    await client.send(Buffer.from("request"));
    assert.equal(await text(server), "request");
  }));

test("a request that is lost is asked again after a timeout, and arrives in the end", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const loop = new TestLoop({ seed });
    loop.network.datagramFaults.loss = 0.5;
    await run(
      async () => {
        await using server = await openUdp({ port: 0 });
        await using client = await openUdp({ remote: server.localAddress });
        await taskGroup(async (group) => {
          group.spawn(
            async () => {
              for await (const { bytes, from } of server) await server.send(bytes, from);
            },
            { background: true },
          );
          for (let answered = 0; answered < 10; ) {
            await client.send(Buffer.of(answered));
            try {
              const { bytes } = await withTimeout(100, () => client.receive());
              if (bytes[0] === answered) answered++;
            } catch (error) {
              if (!(error instanceof TimeoutError)) throw error;
            }
          }
        });
      },
      { loop },
    );
  }
});

test("members of a group get what is sent to it; the sender can keep it from its own machine", () =>
  virtually(async () => {
    const group = "239.1.2.3";
    await using first = await openUdp({ host: "0.0.0.0", port: 5353, reuseAddress: true });
    await using second = await openUdp({ host: "0.0.0.0", port: 5353, reuseAddress: true });
    await using sender = await openUdp();
    for (const member of [first, second]) member.joinGroup(group);
    await sender.send(Buffer.from("all"), { host: group, port: 5353 });
    assert.deepEqual([await text(first), await text(second)], ["all", "all"]);
    second.leaveGroup(group);
    await sender.send(Buffer.from("one"), { host: group, port: 5353 });
    assert.equal(await text(first), "one");
    sender.setMulticast({ loopback: false });
    await sender.send(Buffer.from("nobody"), { host: group, port: 5353 });
    await sleep(10);
    assert.equal(currentLoop().time(), 10);
    await taskGroup(async (tasks) => {
      const waiting = tasks.spawn(() => rejection(withTimeout(10, () => first.receive())));
      assert.ok((await waiting) instanceof TimeoutError);
    });
  }));
