/** What only real sockets show: system errors, and that the system gets everything back. */
import assert from "node:assert/strict";
import net from "node:net";
import test from "node:test";
import { BrokenError, ConnectError, cancelScope, ListenError, moveOnAfter, sleep, taskGroup, until } from "coppice";
import { type ByteStream, listen, openTcp, serve } from "coppice/net";
import { really } from "../support/real.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { readAll } from "../support/streams.ts";

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const listener = await listen({ port: 0 });
  await listener.close();
  return listener.address.port;
}

test("connecting where nobody listens is a ConnectError that says so", () =>
  really(async () => {
    const port = await freePort();
    const error = await rejection(openTcp({ port }));
    assert.ok(error instanceof ConnectError);
    assert.equal(error.systemCode, "ECONNREFUSED");
    assert.equal(error.message, `connect to 127.0.0.1:${port}: nothing listens there (ECONNREFUSED)`);
  }));

test("a host name that does not exist is a ConnectError", () =>
  really(async () => {
    const error = await rejection(openTcp({ host: "no-such-host.invalid", port: 80 }));
    assert.ok(error instanceof ConnectError);
    assert.match(error.message, /^connect to no-such-host\.invalid:80: /);
    assert.ok(error.systemCode !== undefined);
  }));

test("a port that cannot be is a rejection, of a listener and of a connection", () =>
  really(async () => {
    for (const port of [-1, 65_536, 1.5]) {
      assert.ok((await rejection(openTcp({ port }))) instanceof ConnectError);
      assert.ok((await rejection(listen({ port }))) instanceof ListenError);
    }
  }));

test("a port in use is a ListenError that says what to do", () =>
  really(async () => {
    await using listener = await listen({ port: 0 });
    const error = await rejection(listen(listener.address));
    assert.ok(error instanceof ListenError);
    assert.equal(error.systemCode, "EADDRINUSE");
    assert.match(error.message, /^listen on 127\.0\.0\.1:\d+: the port is in use \(EADDRINUSE\)/);
  }));

test("an address of another machine is a ListenError", () =>
  really(async () => {
    const error = await rejection(listen({ host: "192.0.2.1", port: 0 }));
    assert.ok(error instanceof ListenError);
    assert.match(error.message, /does not have that address \(EADDRNOTAVAIL\)/);
  }));

test("a port is free as soon as its listener is closed, though a connection goes on", () =>
  really(async () => {
    const first = await listen({ port: 0 });
    await using client = await openTcp(first.address);
    await using server = await first.accept();
    await first.close();
    await using second = await listen(first.address);
    assert.equal(second.address.port, first.address.port);
    await server.send(Buffer.from("on"));
    assert.equal((await client.receive())?.length, 2);
  }));

test("connections that nobody accepted are reset when the listener is closed", () =>
  really(async () => {
    const listener = await listen({ port: 0 });
    await using client = await openTcp(listener.address);
    // The other end is in the queue once something that connected later has been through it.
    await using later = await openTcp(listener.address);
    await (await listener.accept()).close();
    assert.equal(await client.receive(), undefined);
    await listener.close();
    // It was in the queue, or still with the system: either way it does not go on.
    const end = await later.receive().catch((error: unknown) => error);
    assert.ok(end === undefined || end instanceof BrokenError);
  }));

test("attempts to connect that are abandoned leave nothing behind", () =>
  really(async () => {
    await using listener = await listen({ port: 0 });
    await taskGroup((group) => {
      for (let index = 0; index < 50; index++) {
        group.spawn(() =>
          cancelScope(async (scope) => {
            const connecting = assertCancelledBy(scope, openTcp(listener.address));
            scope.cancel();
            await connecting;
          }),
        );
      }
    });
    // Those that the system had made already are reset, and the accepting side sees that.
    await moveOnAfter(20, async () => {
      for await (const stream of listener) stream.abort();
    });
  }));

test("five hundred connections at once, opened and closed by either side, leave nothing behind", () =>
  really(async () => {
    const listener = await listen({ port: 0 });
    await taskGroup(async (group) => {
      group.spawn(() =>
        serve(listener, async (stream) => {
          const chunk = await stream.receive();
          if (chunk !== undefined) await stream.send(chunk);
        }),
      );
      await taskGroup((clients) => {
        for (let index = 0; index < 500; index++) {
          clients.spawn(async () => {
            const client = await openTcp(listener.address);
            if (index % 5 === 0) client.abort();
            else if (index % 5 === 1) await client.close();
            else {
              await client.send(Buffer.from(`client ${index}`));
              assert.equal(String(await readAll(client)), `client ${index}`);
              await client.close();
            }
          });
        }
      });
      await listener.close();
    });
  }));

test("bytes that come together with the connection are not lost", () =>
  really(async () => {
    await using listener = await listen({ port: 0 });
    for (let round = 0; round < 20; round++) {
      const socket = net.connect({ host: "127.0.0.1", port: listener.address.port });
      socket.end("early");
      const server = await listener.accept();
      assert.equal(String(await readAll(server)), "early");
      await server.close();
      socket.destroy();
    }
  }));

test("a connection that was reset before it was accepted harms nobody", () =>
  really(async () => {
    const listener = await listen({ port: 0 });
    await taskGroup(async (group) => {
      let served = 0;
      group.spawn(() =>
        serve(listener, async (stream) => {
          served++;
          for await (const chunk of stream) await stream.send(chunk);
        }),
      );
      for (let index = 0; index < 20; index++) {
        const socket = net.connect({ host: "127.0.0.1", port: listener.address.port });
        await until(new Promise((connected) => socket.once("connect", connected)));
        socket.resetAndDestroy();
      }
      await using client = await openTcp(listener.address);
      await client.send(Buffer.from("fine"));
      assert.equal((await client.receive())?.length, 4);
      assert.ok(served >= 1);
      await client.close();
      await listener.close();
    });
  }));

test("a deadline cuts a wait for bytes that do not come", () =>
  really(async () => {
    await using listener = await listen({ port: 0 });
    await using client: ByteStream = await openTcp(listener.address);
    await using server = await listener.accept();
    assert.equal(await moveOnAfter(5, () => client.receive()), undefined);
    await server.send(Buffer.from("late"));
    assert.equal((await client.receive())?.length, 4);
    await sleep(0);
  }));
