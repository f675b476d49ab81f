/** Serving: a task for each connection, isolation, and an orderly end. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  BrokenError,
  cancelScope,
  currentLoop,
  currentTask,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  type TaskGroup,
  taskGroup,
} from "coppice";
import { listen, openTcp, type ServeOptions, type SocketStream, serve, type TcpListener } from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import { networked } from "../support/network.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { readAll } from "../support/streams.ts";

type Handler = (stream: SocketStream) => void | Promise<void>;

/** Serves while `body` runs, then closes the listener and waits for the server's end. */
async function serving(
  handler: Handler,
  body: (open: () => Promise<SocketStream>, listener: TcpListener, group: TaskGroup) => Promise<void>,
  options: ServeOptions<SocketStream> = {},
): Promise<void> {
  const listener = await listen({ port: 0 });
  await taskGroup(async (group) => {
    group.spawn(() => serve(listener, handler, options), { name: "server" });
    await body(() => openTcp(listener.address), listener, group);
    await listener.close();
  });
}

const echo: Handler = async (stream) => {
  for await (const chunk of stream) await stream.send(chunk);
};

async function ask(stream: SocketStream, text: string): Promise<string> {
  await stream.send(Buffer.from(text));
  return String(Buffer.from((await stream.receive()) ?? []));
}

test("each connection is handled in a task of its own, at the same time", () =>
  networked(() => {
    const tasks = new Set<unknown>();
    return serving(
      async (stream) => {
        tasks.add(currentTask());
        await echo(stream);
      },
      async (open) => {
        await using first = await open();
        await using second = await open();
        assert.equal(await ask(second, "two"), "two");
        assert.equal(await ask(first, "one"), "one");
        assert.equal(tasks.size, 2);
      },
    );
  }));

test("the connection is closed when its handler is done, and what it sent arrives", () =>
  networked(() =>
    serving(
      (stream) => stream.send(Buffer.alloc(500_000, "x")),
      async (open) => {
        await using client = await open();
        assert.equal((await readAll(client)).length, 500_000);
      },
    ),
  ));

test("a handler that has closed or aborted its stream itself is no trouble", () =>
  networked(() => {
    let count = 0;
    return serving(
      async (stream) => {
        if (count++ % 2 === 0) await stream.close();
        else stream.abort();
      },
      async (open) => {
        for (let index = 0; index < 4; index++) {
          await using client = await open();
          await client.receive().catch((error: unknown) => assert.ok(error instanceof BrokenError));
        }
      },
    );
  }));

test("a handler's failure fails the server by default: siblings are cancelled, the listener and every connection closed", () =>
  networked(async (network) => {
    const bug = new Error("bug in a handler");
    let isCleanedUp = false;
    const listener = await listen({ port: 0 });
    const error = await rejection(
      taskGroup(async (group) => {
        group.spawn(() =>
          serve(listener, async (stream) => {
            try {
              if (String(Buffer.from((await stream.receive()) ?? [])) === "fail") throw bug;
            } finally {
              await shield(() => sleep(5));
              isCleanedUp = true;
            }
          }),
        );
        const bystander = await openTcp(listener.address);
        const culprit = await openTcp(listener.address);
        await culprit.send(Buffer.from("fail"));
        try {
          await sleepForever();
        } finally {
          bystander.abort();
          culprit.abort();
        }
      }),
    );
    assert.equal(error, bug);
    assert.deepEqual(suppressedErrors(bug), []);
    assert.ok(isCleanedUp);
    assert.equal(network.listeners.size, 0);
  }));

test("with onError, a handler's failure ends its own connection alone", () =>
  networked(() => {
    const told: unknown[] = [];
    return serving(
      async (stream) => {
        for await (const chunk of stream) {
          if (String(Buffer.from(chunk)) === "fail") throw new TypeError("bug");
          await stream.send(chunk);
        }
      },
      async (open) => {
        await using bystander = await open();
        await using culprit = await open();
        assert.equal(await ask(culprit, "fail"), "");
        assert.equal(await ask(bystander, "fine"), "fine");
        assert.equal(told.length, 1);
        assert.ok(told[0] instanceof TypeError);
      },
      { onError: (error) => told.push(error) },
    );
  }));

test("onError is told of what goes wrong in the cleanup of a handler that was cancelled, and not of the cancellation", () =>
  networked(async () => {
    const told: unknown[] = [];
    const bug = new Error("a bug in the cleanup");
    const listener = await listen({ port: 0 });
    const clients = [await openTcp(listener.address), await openTcp(listener.address)];
    let handled = 0;
    const handler: Handler = async () => {
      const isSecond = ++handled === 2;
      try {
        await sleepForever();
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: a cleanup that fails.
        if (isSecond) throw bug;
      }
    };
    await moveOnAfter(10, () => serve(listener, handler, { onError: (error) => told.push(error) }));
    assert.deepEqual(told, [bug]);
    for (const client of clients) client.abort();
  }));

test("onError is told whose connection it was", () =>
  networked(() => {
    const ports: number[] = [];
    return serving(
      () => {
        throw "no error at all";
      },
      async (open) => {
        await using client = await open();
        assert.equal(await client.receive(), undefined);
        assert.deepEqual(ports, [client.localAddress.port]);
      },
      {
        onError: (error, stream) => {
          assert.equal(error, "no error at all");
          ports.push(stream.remoteAddress.port);
        },
      },
    );
  }));

test("a lost connection ends its handler alone, and is no failure", () =>
  networked(() => {
    const told: unknown[] = [];
    let broken: unknown;
    return serving(
      async (stream) => {
        try {
          await echo(stream);
        } catch (error) {
          broken = error;
          throw error;
        }
      },
      async (open) => {
        await using bystander = await open();
        const lost = await open();
        assert.equal(await ask(lost, "x"), "x");
        lost.abort();
        await waitAllTasksBlocked();
        assert.ok(broken instanceof BrokenError);
        assert.equal(await ask(bystander, "y"), "y");
        assert.deepEqual(told, []);
      },
      { onError: (error) => told.push(error) },
    );
  }));

test("closing the listener ends the server when the last handler is done", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    await taskGroup(async (group) => {
      const server = group.spawn(() => serve(listener, echo));
      await using client = await openTcp(listener.address);
      assert.equal(await ask(client, "one"), "one");
      await listener.close();
      assert.equal(await ask(client, "two"), "two");
      assert.equal(server.done, false);
      await client.close();
      await server;
    });
  }));

test("asked to stop, it stops accepting, lets the handlers finish, and returns", () =>
  networked(async (network) => {
    const listener = await listen({ port: 0 });
    const outcome = await cancelScope(async (scope) => {
      await taskGroup(async (group) => {
        const server = group.spawn(async () => {
          await serve(listener, async (stream) => {
            await stream.receive();
            await sleep(50);
            await stream.send(Buffer.from("finished"));
          });
          return "drained";
        });
        await using client = await openTcp(listener.address);
        await client.send(Buffer.from("go"));
        await sleep(1);
        scope.stop({ graceMs: 1_000 });
        await waitAllTasksBlocked();
        assert.equal(network.listeners.size, 0);
        await rejection(openTcp(listener.address));
        assert.equal(String(await readAll(client)), "finished");
        assert.equal(await server, "drained");
      });
      return "by itself";
    });
    assert.equal(outcome, "by itself");
    assert.equal(currentLoop().time(), 50);
  }));

test("a handler that takes longer than the grace period is cancelled, and its client sees a reset", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    const client = await openTcp(listener.address);
    let isCleanedUp = false;
    await cancelScope(async (scope) => {
      await serve(listener, async () => {
        try {
          scope.stop({ graceMs: 100 });
          await sleepForever();
        } finally {
          isCleanedUp = true;
        }
      });
    });
    assert.equal(currentLoop().time(), 100);
    assert.ok(isCleanedUp);
    assert.ok((await rejection(client.receive())) instanceof BrokenError);
    await client.close();
  }));

test("asked to stop before it begins, it closes the listener and returns", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    await cancelScope(async (scope) => {
      scope.stop({ graceMs: 1_000 });
      await serve(listener, echo);
    });
    assert.equal(currentLoop().time(), 0);
    await rejection(listener.accept());
  }));

test("cancelled, it closes the listener and aborts the connections", () =>
  networked(async (network) => {
    const listener = await listen({ port: 0 });
    const client = await openTcp(listener.address);
    await cancelScope(async (scope) => {
      const serving = serve(listener, echo);
      assert.equal(await ask(client, "x"), "x");
      scope.cancel();
      await cancellation(serving);
    });
    assert.equal(network.listeners.size, 0);
    assert.ok((await rejection(client.receive())) instanceof BrokenError);
    await client.close();
  }));

test("a peer that reads nothing holds the closing of its connection for closeTimeoutMs only", () =>
  networked(() =>
    serving(
      async (stream) => {
        await stream.send(Buffer.alloc(1024 * 1024));
        await sleep(1);
        await stream.send(Buffer.alloc(1024 * 1024));
      },
      async (open) => {
        const client = await open();
        await sleep(100);
        assert.ok(client.trySend(Buffer.from("x")), "the connection stands while it is being flushed");
        await sleep(10);
        await assert.rejects(async () => {
          for (;;) if ((await client.receive()) === undefined) return;
        }, BrokenError);
        await client.close();
      },
      { closeTimeoutMs: 100 },
    ),
  ));

test("cancelled while the connection of a handler that failed is being closed, the server still fails with the handler's error", () =>
  networked(async () => {
    const bug = new Error("a bug");
    const listener = await listen({ port: 0 });
    const failing = async (stream: SocketStream): Promise<void> => {
      await stream.send(new Uint8Array(1_000_000));
      throw bug;
    };
    const client = await openTcp({ port: listener.address.port });
    const error = await rejection(moveOnAfter(100, () => serve(listener, failing)));
    assert.equal(error, bug);
    client.abort();
  }));

test("connections that come while the server is busy with many are all served", () =>
  networked(
    () =>
      serving(echo, async (open) => {
        await taskGroup((group) => {
          for (let index = 0; index < 200; index++) {
            group.spawn(async () => {
              await using client = await open();
              assert.equal(await ask(client, `client ${index}`), `client ${index}`);
            });
          }
        });
      }),
    { seed: 7 },
  ));

test("a server inside a deadline ends with it", () =>
  networked(async (network) => {
    const listener = await listen({ port: 0 });
    await moveOnAfter(500, () => serve(listener, echo));
    assert.equal(currentLoop().time(), 500);
    assert.equal(network.listeners.size, 0);
  }));
