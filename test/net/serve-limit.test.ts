/** Serving no more than so many connections at a time, and serving several listeners. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, cancelScope, currentLoop, Event, sleep, taskGroup } from "coppice";
import { listen, openTcp, type ServeOptions, type SocketStream, serve, type TcpListener } from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import { networked } from "../support/network.ts";
import { rejection } from "../support/rejection.ts";
import { readAll } from "../support/streams.ts";

/** A handler that notes who is being served, and serves until `finish` is called for it or its peer says that it is done. */
class Desk {
  readonly begun: string[] = [];
  active = 0;
  most = 0;

  readonly handler = async (stream: SocketStream): Promise<void> => {
    this.most = Math.max(this.most, ++this.active);
    try {
      this.begun.push(String(Buffer.from((await stream.receive()) ?? [])));
      await readAll(stream);
      await stream.send(Buffer.from("done"));
    } finally {
      this.active--;
    }
  };
}

async function arrive(listener: TcpListener, name: string): Promise<SocketStream> {
  const stream = await openTcp(listener.address);
  await stream.send(Buffer.from(name));
  return stream;
}

async function leave(stream: SocketStream): Promise<void> {
  await stream.sendEof();
  assert.equal(String(await readAll(stream)), "done");
  await stream.close();
}

/** Serves `count` listeners while `body` runs, then closes them. */
async function serving(
  count: number,
  options: ServeOptions<SocketStream>,
  body: (desk: Desk, listeners: TcpListener[]) => Promise<void>,
): Promise<void> {
  const listeners = await Promise.all(Array.from({ length: count }, () => listen({ port: 0 })));
  const desk = new Desk();
  await taskGroup(async (group) => {
    group.spawn(() => serve(listeners, desk.handler, options));
    await body(desk, listeners);
    for (const listener of listeners) await listener.close();
  });
}

test("at the limit connections wait until one ends, and are then served in order", () =>
  networked(() =>
    serving(1, { maxConnections: 2 }, async (desk, [listener]) => {
      const clients: SocketStream[] = [];
      for (const name of ["a", "b", "c", "d"]) clients.push(await arrive(listener!, name));
      await waitAllTasksBlocked();
      assert.deepEqual(desk.begun, ["a", "b"]);
      await leave(clients[1]!);
      await waitAllTasksBlocked();
      assert.deepEqual(desk.begun, ["a", "b", "c"]);
      await leave(clients[0]!);
      await waitAllTasksBlocked();
      assert.deepEqual(desk.begun, ["a", "b", "c", "d"]);
      await leave(clients[2]!);
      await leave(clients[3]!);
    }),
  ));

test("a connection that is being closed still counts", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    const served: number[] = [];
    await taskGroup(async (group) => {
      group.spawn(() =>
        serve(
          listener,
          async (stream) => {
            served.push(currentLoop().time());
            if (served.length > 1) return;
            // More than fits: the close of this one waits until its time is over.
            await stream.send(Buffer.alloc(1024 * 1024));
          },
          { maxConnections: 1, closeTimeoutMs: 100 },
        ),
      );
      const stalled = await openTcp(listener.address);
      const next = await openTcp(listener.address);
      assert.equal(await next.receive(), undefined);
      assert.deepEqual(served, [0, 100]);
      await next.close();
      stalled.abort();
      await listener.close();
    });
  }));

test("a thousand connections against a limit of ten are all served, never more than ten at a time", () =>
  networked(() =>
    serving(1, { maxConnections: 10 }, async (desk, [listener]) => {
      await taskGroup((group) => {
        for (let index = 0; index < 1_000; index++) {
          group.spawn(async () => {
            const client = await arrive(listener!, `client ${index}`);
            await sleep(100);
            await leave(client);
          });
        }
      });
      assert.equal(desk.begun.length, 1_000);
      assert.equal(desk.most, 10);
    }),
  ));

test("a handler that fails makes room", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    let served = 0;
    await taskGroup(async (group) => {
      const handler = (): never => {
        served++;
        throw new TypeError("bug");
      };
      group.spawn(() => serve(listener, handler, { maxConnections: 1, onError: () => {} }));
      for (let index = 0; index < 5; index++) {
        await using client = await openTcp(listener.address);
        assert.equal(await client.receive(), undefined);
      }
      await listener.close();
    });
    assert.equal(served, 5);
  }));

test("several listeners are served by one server and share its limit; one that is quiet takes no room from the others", () =>
  networked(() =>
    serving(3, { maxConnections: 2 }, async (desk, listeners) => {
      const [, busy, other] = listeners as [TcpListener, TcpListener, TcpListener];
      const first = await arrive(busy, "a");
      const second = await arrive(busy, "b");
      const third = await arrive(other, "c");
      const fourth = await arrive(busy, "d");
      await waitAllTasksBlocked();
      assert.deepEqual(desk.begun, ["a", "b"]);
      await leave(first);
      await leave(second);
      await waitAllTasksBlocked();
      assert.deepEqual([...desk.begun].sort(), ["a", "b", "c", "d"]);
      await leave(third);
      await leave(fourth);
      assert.equal(desk.most, 2);
    }),
  ));

test("the end of one listener leaves the others; the server ends with the last", () =>
  networked(async () => {
    const [first, second] = [await listen({ port: 0 }), await listen({ port: 0 })];
    const desk = new Desk();
    await taskGroup(async (group) => {
      const server = group.spawn(() => serve([first, second], desk.handler));
      await first.close();
      await leave(await arrive(second, "a"));
      assert.equal(server.done, false);
      await second.close();
      await server;
    });
    assert.deepEqual(desk.begun, ["a"]);
  }));

test("asked to stop at its limit, it serves those that it has and resets those that wait, of all its listeners", () =>
  networked(async (network) => {
    const listeners = [await listen({ port: 0 }), await listen({ port: 0 })];
    const desk = new Desk();
    await cancelScope((scope) =>
      taskGroup(async (group) => {
        const server = group.spawn(() => serve(listeners, desk.handler, { maxConnections: 1 }));
        const served = await arrive(listeners[0]!, "a");
        // One on each waits in hand or in the queue of its listener.
        const waiting = [await arrive(listeners[0]!, "b"), await arrive(listeners[1]!, "c")];
        waiting.push(await arrive(listeners[1]!, "d"));
        await waitAllTasksBlocked();
        scope.stop({ graceMs: 1_000 });
        for (const stream of waiting) {
          assert.ok((await rejection(stream.receive())) instanceof BrokenError);
          stream.abort();
        }
        assert.equal(network.listeners.size, 0);
        await leave(served);
        await server;
      }),
    );
    assert.deepEqual(desk.begun, ["a"]);
    assert.equal(currentLoop().time(), 0);
  }));

test("cancelled at its limit, it leaves nothing behind", () =>
  networked(async () => {
    const listeners = [await listen({ port: 0 }), await listen({ port: 0 })];
    const clients = [];
    for (const listener of listeners) for (const name of ["a", "b"]) clients.push(await arrive(listener, name));
    await cancelScope(async (scope) => {
      const server = rejection(serve(listeners, new Desk().handler, { maxConnections: 1 }));
      await sleep(1).finally(() => scope.cancel());
      await server;
    });
    for (const client of clients) {
      assert.ok((await rejection(client.receive())) instanceof BrokenError);
      client.abort();
    }
  }));

test("a handler may be a generator function", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    const served = new Event();
    await taskGroup(async (group) => {
      group.spawn(() =>
        serve(listener, function* (stream) {
          yield stream.send(Buffer.from("from a generator"));
          served.set();
        }),
      );
      await using client = await openTcp(listener.address);
      assert.equal(String(await readAll(client)), "from a generator");
      await served.wait();
      await listener.close();
    });
  }));

test("a limit that is no whole number of at least 1, and a handler that is none, are refused, and the listeners closed", () =>
  networked(async (network) => {
    for (const maxConnections of [0, -1, 1.5, Number.NaN]) {
      const listener = await listen({ port: 0 });
      assert.ok((await rejection(serve(listener, () => {}, { maxConnections }))) instanceof RangeError);
    }
    const listener = await listen({ port: 0 });
    assert.ok((await rejection(serve(listener, Promise.resolve() as never))) instanceof TypeError);
    assert.equal(network.listeners.size, 0);
  }));
