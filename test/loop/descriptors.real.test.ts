/** Callbacks for descriptors, and the socket calls, which a loop has that watches descriptors itself. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";
import { BusyError, ClosedError, cancelScope, InvalidStateError, moveOnAfter, sleep, taskGroup } from "coppice";
import { EventLoop, NodeLoop, SelectorLoop, StreamProtocol, VirtualLoop } from "coppice/loop";
import { type Address, Socket, socketPair } from "coppice/selector";

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function inLoop(fn: (loop: EventLoop) => Promise<void>): Promise<void> {
  using below = new SelectorLoop();
  await using loop = new EventLoop(below);
  await loop.runUntilComplete(() => fn(loop));
}

async function withPair(loop: EventLoop, fn: (a: Socket, b: Socket) => Promise<void>): Promise<void> {
  const [a, b] = socketPair();
  using first = a;
  using second = b;
  a.setBlocking(false);
  b.setBlocking(false);
  assert.equal(loop.isClosed, false);
  await fn(first, second);
}

function listening(): Socket {
  const socket = new Socket();
  socket.bind({ host: "127.0.0.1", port: 0 });
  socket.listen();
  socket.setBlocking(false);
  return socket;
}

test("an echo server and its client on the loop's socket calls", () =>
  inLoop(async (loop) => {
    using listener = listening();
    await taskGroup(async (group) => {
      group.spawn(async () => {
        using served = await loop.sockAccept(listener);
        for (;;) {
          const received = await loop.sockRecv(served);
          if (received === undefined) return;
          await loop.sockSendAll(served, received);
        }
      });
      using client = new Socket();
      client.setBlocking(false);
      await loop.sockConnect(client, listener.localAddress);
      const message = Buffer.alloc(3_000_000, "abc");
      group.spawn(async () => {
        await loop.sockSendAll(client, message);
        client.shutdown();
      });
      const chunks: Uint8Array[] = [];
      for (;;) {
        const chunk = await loop.sockRecv(client, 100_000);
        if (chunk === undefined) break;
        chunks.push(chunk);
      }
      assert.ok(Buffer.concat(chunks).equals(message));
    });
  }));

test("a wait for a socket that is cancelled loses nothing, and leaves nobody in the way", () =>
  inLoop((loop) =>
    withPair(loop, async (a, b) => {
      assert.equal(await moveOnAfter(1, () => loop.sockRecv(a)), undefined);
      b.send(bytes("kept"));
      await cancelScope(async (scope) => {
        scope.cancel();
        await loop.sockRecv(a);
        assert.fail("a checkpoint throws");
      });
      assert.equal(Buffer.from((await loop.sockRecv(a)) ?? []).toString(), "kept");
    }),
  ));

test("closing a socket fails the wait for it, and ends its callbacks", () =>
  inLoop((loop) =>
    withPair(loop, async (a, b) => {
      await taskGroup(async (group) => {
        const receiving = group.spawn(() => assert.rejects(loop.sockRecv(a), ClosedError));
        await sleep(1);
        a.close();
        await receiving;
      });
      loop.addReader(b, () => assert.fail("it is closed"));
      const { fd } = b;
      b.close();
      assert.equal(loop.removeReader(fd), false);
    }),
  ));

test("two that wait to read one socket are one too many", () =>
  inLoop((loop) =>
    withPair(loop, async (a, b) => {
      await taskGroup(async (group) => {
        const first = group.spawn(() => loop.sockRecv(a));
        await sleep(1);
        await assert.rejects(loop.sockRecv(a), BusyError);
        assert.throws(() => loop.addReader(a, () => {}), BusyError);
        b.send(bytes("x"));
        await first;
      });
    }),
  ));

test("a connection that is refused is the system's error", () =>
  inLoop(async (loop) => {
    let nowhere: Address;
    {
      using listener = listening();
      nowhere = listener.localAddress;
    }
    using client = new Socket();
    client.setBlocking(false);
    await assert.rejects(loop.sockConnect(client, nowhere), { name: "ConnectionRefusedError" });
  }));

test("a reader is called while there is something to read, and until it is removed or replaced", () =>
  inLoop((loop) =>
    withPair(loop, async (a, b) => {
      const log: string[] = [];
      loop.addReader(a, () => assert.fail("it was replaced"));
      const read = Promise.withResolvers<void>();
      loop.addReader(
        a,
        (name: string) => {
          log.push(`${name} ${Buffer.from(a.recv(2) ?? []).toString()}`);
          if (log.length === 2) read.resolve();
        },
        "reader",
      );
      b.send(bytes("abcd"));
      await read.promise;
      assert.deepEqual(log, ["reader ab", "reader cd"]);
      assert.deepEqual([loop.removeReader(a), loop.removeReader(a)], [true, false]);
      b.send(bytes("more"));
      await sleep(2);
      assert.equal(log.length, 2);
    }),
  ));

test("a writer is called when there is room; a reader beside it is another callback", () =>
  inLoop((loop) =>
    withPair(loop, async (a, b) => {
      const written = Promise.withResolvers<void>();
      const read = Promise.withResolvers<void>();
      loop.addReader(a.fd, read.resolve);
      loop.addWriter(a.fd, () => {
        loop.removeWriter(a.fd);
        written.resolve();
      });
      await written.promise;
      b.send(bytes("x"));
      await read.promise;
    }),
  ));

test("descriptors of the loop's own server and connections are refused, and these go on", () =>
  inLoop(async (loop) => {
    const received = Promise.withResolvers<string>();
    class Receiver extends StreamProtocol {
      override dataReceived(chunk: Uint8Array): void {
        received.resolve(Buffer.from(chunk).toString());
      }
    }
    const before = new Set(readdirSync("/proc/self/fd"));
    await using server = await loop.createServer(() => new Receiver(), { host: "127.0.0.1", port: 0 });
    const [address] = server.addresses;
    assert.ok(address !== undefined && "port" in address);
    const [transport] = await loop.createConnection(() => new StreamProtocol(), address);
    let refused = 0;
    for (const name of readdirSync("/proc/self/fd")) {
      if (before.has(name)) continue;
      try {
        loop.addReader(Number(name), () => {});
        loop.removeReader(Number(name));
      } catch (error) {
        if (error instanceof InvalidStateError) refused++;
      }
    }
    assert.ok(refused >= 2, `the server and the client at least, not ${refused}`);
    transport.write(bytes("still here"));
    assert.equal(await received.promise, "still here");
    transport.close();
  }));

test("a reader that throws is told to the exception handler", () =>
  inLoop((loop) =>
    withPair(loop, async (a, b) => {
      const told = Promise.withResolvers<string>();
      loop.setExceptionHandler(({ message }) => told.resolve(message));
      loop.addReader(a, () => {
        loop.removeReader(a);
        throw new Error("in the reader");
      });
      b.send(bytes("x"));
      assert.equal(await told.promise, `the callback to read descriptor ${a.fd} threw`);
    }),
  ));

test("blocking sockets, and loops that watch no descriptors, are refused", async () => {
  await inLoop(async (loop) => {
    using blocking = new Socket();
    await assert.rejects(loop.sockRecv(blocking), InvalidStateError);
  });
  const [a, b] = socketPair();
  a.setBlocking(false);
  for (const other of [new NodeLoop(), new VirtualLoop()]) {
    await using loop = new EventLoop(other);
    assert.throws(() => loop.addReader(a, () => {}), InvalidStateError);
    await assert.rejects(
      loop.runUntilComplete(() => loop.sockRecv(a)),
      InvalidStateError,
    );
  }
  a.close();
  b.close();
});

test("a socket that is closed while a wait for it is cancelled leaves the loop in order", () =>
  inLoop(async (loop) => {
    const [a, b] = socketPair();
    a.setBlocking(false);
    await taskGroup(async (group) => {
      const waiting = group.spawn(() => loop.sockRecv(a));
      await sleep(1);
      waiting.cancel();
      a.close();
    });
    b.close();
    await withPair(loop, async (c, d) => {
      d.send(bytes("still here"));
      assert.equal(Buffer.from((await loop.sockRecv(c)) ?? []).toString(), "still here");
    });
  }));

test("a SelectorLoop that is closed before its event loop has let go of all readers", async () => {
  const below = new SelectorLoop();
  const loop = new EventLoop(below);
  const [a, b] = socketPair();
  loop.addReader(a, () => assert.fail("nothing came"));
  below.close();
  await loop.close();
  a.close();
  b.close();
});
