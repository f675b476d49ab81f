/** Listening and connecting on the memory network. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, ConnectError, cancelScope, ListenError, moveOnAfter, taskGroup } from "coppice";
import { listen, openTcp, type SocketStream } from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import { networked } from "../support/network.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";

test("an accepted stream is the other end of a connected one", () =>
  networked(async () => {
    await using listener = await listen({ port: 0 });
    await using client = await openTcp(listener.address);
    await using server = await listener.accept();
    await client.send(Buffer.from("hello"));
    assert.equal(String(Buffer.from((await server.receive()) ?? [])), "hello");
    assert.deepEqual(server.remoteAddress, client.localAddress);
  }));

test("port 0 gives each listener a port of its own", () =>
  networked(async () => {
    await using first = await listen({ port: 0 });
    await using second = await listen({ port: 0 });
    assert.notEqual(first.address.port, second.address.port);
    assert.equal(first.address.host, "127.0.0.1");
  }));

test("connections that were made before anybody accepts wait in order", () =>
  networked(async () => {
    await using listener = await listen({ port: 0 });
    const clients: SocketStream[] = [];
    for (let index = 0; index < 3; index++) clients.push(await openTcp(listener.address));
    for (const client of clients) {
      const server = await listener.accept();
      assert.deepEqual(server.remoteAddress, client.localAddress);
      await server.close();
      await client.close();
    }
  }));

test("those who wait to accept are served in order", () =>
  networked(async () => {
    await using listener = await listen({ port: 0 });
    await taskGroup(async (group) => {
      const acceptors = [1, 2, 3].map(() => group.spawn(() => listener.accept()));
      await waitAllTasksBlocked();
      for (const acceptor of acceptors) {
        await using client = await openTcp(listener.address);
        await using server = await acceptor;
        assert.deepEqual(server.remoteAddress, client.localAddress);
      }
    });
  }));

test("closing a listener wakes all who wait to accept with ClosedError", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    const waiting = [rejection(listener.accept()), rejection(listener.accept())];
    await listener.close();
    for (const error of await Promise.all(waiting)) assert.ok(error instanceof ClosedError);
    assert.ok((await rejection(listener.accept())) instanceof ClosedError);
    await listener.close();
    await listener[Symbol.asyncDispose]();
  }));

test("iteration gives each connection and ends when the listener is closed", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    const seen: number[] = [];
    await taskGroup(async (group) => {
      group.spawn(async () => {
        for await (const stream of listener) {
          seen.push(stream.remoteAddress.port);
          await stream.close();
        }
      });
      const expected: number[] = [];
      for (let index = 0; index < 3; index++) {
        await using client = await openTcp(listener.address);
        expected.push(client.localAddress.port);
        assert.equal(await client.receive(), undefined);
      }
      assert.deepEqual(seen, expected);
      await listener.close();
    });
  }));

test("leaving the iteration leaves the listener open", () =>
  networked(async () => {
    await using listener = await listen({ port: 0 });
    await using first = await openTcp(listener.address);
    for await (const stream of listener) {
      await stream.close();
      break;
    }
    assert.equal(await first.receive(), undefined);
    await using second = await openTcp(listener.address);
    await using accepted = await listener.accept();
    assert.deepEqual(accepted.remoteAddress, second.localAddress);
  }));

test("connections that nobody accepted are reset when the listener is closed, accepted ones go on", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    await using accepted = await openTcp(listener.address);
    await using server = await listener.accept();
    await using queued = await openTcp(listener.address);
    await listener.close();
    assert.ok((await rejection(queued.receive())) instanceof BrokenError);
    await server.send(Buffer.from("still here"));
    assert.equal((await accepted.receive())?.length, 10);
  }));

test("a listener closes in a cancelled scope as well", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    await cancelScope(async (scope) => {
      scope.cancel();
      await listener.close();
    });
    assert.ok((await rejection(openTcp(listener.address))) instanceof ConnectError);
  }));

test("a port in use is a ListenError that says what to do", () =>
  networked(async () => {
    await using listener = await listen({ port: 0 });
    const error = await rejection(listen(listener.address));
    assert.ok(error instanceof ListenError);
    assert.equal(error.systemCode, "EADDRINUSE");
    const { host, port } = listener.address;
    assert.equal(
      error.message,
      `listen on ${host}:${port}: the port is in use (EADDRINUSE): stop the program that has it, or choose another port`,
    );
    assert.equal((error.cause as { code?: string }).code, "EADDRINUSE");
  }));

test("a port is free again when its listener was closed", () =>
  networked(async () => {
    const first = await listen({ port: 0 });
    await first.close();
    await using second = await listen(first.address);
    assert.deepEqual(second.address, first.address);
  }));

test("connecting where nobody listens is a ConnectError that says so", () =>
  networked(async () => {
    const error = await rejection(openTcp({ port: 9 }));
    assert.ok(error instanceof ConnectError);
    assert.equal(error.systemCode, "ECONNREFUSED");
    assert.equal(error.message, "connect to 127.0.0.1:9: nothing listens there (ECONNREFUSED)");
  }));

test("a cancelled accept loses no connection", () =>
  networked(async () => {
    await using listener = await listen({ port: 0 });
    await cancelScope(async (scope) => {
      const accepting = assertCancelledBy(scope, listener.accept());
      scope.cancel();
      await accepting;
    });
    await using client = await openTcp(listener.address);
    await using server = await listener.accept();
    assert.deepEqual(server.remoteAddress, client.localAddress);
  }));

test("a connection that came before the cancellation is accepted", () =>
  networked(async () => {
    await using listener = await listen({ port: 0 });
    const client = await openTcp(listener.address);
    const server = await cancelScope(async (scope) => {
      const accepting = listener.accept();
      scope.cancel();
      return await accepting;
    });
    assert.deepEqual(server?.remoteAddress, client.localAddress);
    await client.close();
    await server?.close();
  }));

test("an abandoned attempt to connect leaves no connection behind", () =>
  networked(async (network) => {
    await using listener = await listen({ port: 0 });
    await cancelScope(async (scope) => {
      const connecting = assertCancelledBy(scope, openTcp(listener.address));
      scope.cancel();
      await connecting;
    });
    assert.equal(await moveOnAfter(10, () => listener.accept()), undefined);
    assert.equal(network.openEnds, 0);
  }));

test("nothing is opened in a cancelled scope", () =>
  networked(async (network) => {
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, listen({ port: 0 }));
      await assertCancelledBy(scope, openTcp({ port: 80 }));
    });
    assert.equal(network.wires.length, 0);
  }));
