/** Blocking and nonblocking sockets, one call at a time. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import {
  AddressInUseError,
  BrokenPipeError,
  ClosedError,
  ConnectionRefusedError,
  ConnectionResetError,
  InvalidStateError,
  Socket,
  type SocketAddress,
  type SocketOptions,
  SystemError,
  socketPair,
  TimedOutError,
  WouldBlockError,
} from "coppice/selector";
import { counted } from "./counted.ts";

const ANY_PORT = { host: "127.0.0.1", port: 0 };

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}

function listening(options: SocketOptions = {}, host = "127.0.0.1"): Socket {
  const listener = new Socket(options);
  listener.bind({ host, port: 0 });
  listener.listen();
  return listener;
}

/** Two ends of a TCP connection. */
function connected(): [Socket, Socket] {
  using listener = listening();
  const client = new Socket();
  client.connect(listener.localAddress);
  return [client, listener.accept()];
}

test("a connection is made, used and ended, all in one thread", () =>
  counted(() => {
    using listener = listening();
    using client = new Socket();
    client.connect(listener.localAddress);
    using server = listener.accept();
    assert.deepEqual(server.remoteAddress, client.localAddress);
    assert.deepEqual(server.localAddress, client.remoteAddress);
    client.sendAll(Buffer.from("so long"));
    assert.equal(textOf(server.recv(2)), "so");
    assert.equal(textOf(server.recv()), " long");
    client.shutdown();
    assert.equal(server.recv(), undefined);
    server.sendAll(Buffer.from("and thanks"));
    server.close();
    assert.equal(textOf(client.recv()), "and thanks");
    assert.equal(client.recv(), undefined);
    assert.equal(client.recv(), undefined);
  }));

test("IPv6 and Unix sockets do the same", { skip: !hasIpv6() && "no IPv6" }, () =>
  counted(() => {
    using listener = listening({ family: "ipv6" }, "localhost");
    using client = new Socket({ family: "ipv6" });
    client.connect(listener.localAddress);
    using server = listener.accept();
    assert.equal((server.remoteAddress as SocketAddress).host, "::1");
    const directory = mkdtempSync(join(tmpdir(), "coppice-"));
    const path = join(directory, "socket");
    using named = new Socket({ family: "unix" });
    named.bind({ path });
    named.listen();
    using caller = new Socket({ family: "unix" });
    caller.connect({ path });
    using answer = named.accept();
    assert.deepEqual(
      [answer.localAddress, answer.remoteAddress, caller.remoteAddress],
      [{ path }, { path: "" }, { path }],
    );
    answer.sendAll(Buffer.from("here"));
    assert.equal(textOf(caller.recv()), "here");
    rmSync(directory, { recursive: true });
  }),
);

test("datagrams keep their boundaries, and an empty one is one", () =>
  counted(() => {
    using to = new Socket({ type: "datagram" });
    using from = new Socket({ type: "datagram" });
    to.bind(ANY_PORT);
    from.bind(ANY_PORT);
    for (const text of ["one", "", "three"]) from.sendTo(Buffer.from(text), to.localAddress);
    assert.deepEqual(to.recvFrom(), { bytes: new Uint8Array(Buffer.from("one")), from: from.localAddress });
    assert.equal(to.recvFrom().bytes.length, 0);
    assert.equal(textOf(to.recvFrom(2).bytes), "th");
    from.connect(to.localAddress);
    from.sendAll(Buffer.from("to the peer"));
    from.send(new Uint8Array());
    assert.equal(textOf(to.recv()), "to the peer");
    assert.deepEqual(to.recv(), new Uint8Array());
    assert.throws(() => from.send(new Uint8Array(65_508)), { code: "EMSGSIZE", message: /too large for one datagram/ });
  }));

test("a pair is connected, of either type", () =>
  counted(() => {
    const [a, b] = socketPair();
    a.sendAll(new Uint8Array(10));
    assert.equal(b.recv()?.length, 10);
    const [c, d] = socketPair("datagram");
    c.send(new Uint8Array(3));
    c.send(new Uint8Array(4));
    assert.deepEqual([d.recv()?.length, d.recv()?.length], [3, 4]);
    for (const socket of [a, b, c, d]) socket.close();
  }));

test("one that does not block says so instead of waiting", () =>
  counted(() => {
    using listener = listening();
    listener.setBlocking(false);
    assert.throws(() => listener.accept(), WouldBlockError);
    const [a, b] = socketPair();
    a.setBlocking(false);
    assert.equal(a.isBlocking, false);
    assert.throws(() => a.recv(), { name: "WouldBlockError", code: "EAGAIN", message: /ask the selector/ });
    let sent = 0;
    const bytes = new Uint8Array(1024 * 1024);
    assert.throws(() => {
      for (;;) sent += a.send(bytes);
    }, WouldBlockError);
    b.setBlocking(false);
    let received = 0;
    while (received < sent) received += b.recv(1024 * 1024)?.length ?? 0;
    assert.equal(received, sent);
    assert.throws(() => a.sendAll(bytes), { name: "InvalidStateError", message: /use send\(\)/ });
    assert.ok(a.send(bytes) > 0);
    a.setBlocking(true);
    a.close();
    b.close();
  }));

test("a connection under way is asked how it went", () =>
  counted(() => {
    using listener = listening();
    const address = listener.localAddress;
    using client = new Socket();
    client.setBlocking(false);
    assert.throws(() => client.connect(address), {
      name: "WouldBlockError",
      code: "EINPROGRESS",
      message: /finishConnect/,
    });
    using server = listener.accept();
    client.finishConnect();
    assert.deepEqual(client.remoteAddress, server.localAddress);
    listener.close();
    using refused = new Socket();
    refused.setBlocking(false);
    assert.throws(() => {
      refused.connect(address);
    }, SystemError);
    assert.throws(() => refused.finishConnect(), ConnectionRefusedError);
    using idle = new Socket();
    assert.throws(() => idle.finishConnect(), { code: "ENOTCONN" });
  }));

test("a timeout ends a blocking call, and the socket stays of use", () =>
  counted(() => {
    const [a, b] = socketPair();
    a.setTimeout(5);
    assert.throws(() => a.recv(), { name: "TimedOutError", code: "ETIMEDOUT", message: /^recv within 5 ms/ });
    b.sendAll(new Uint8Array(1));
    assert.equal(a.recv()?.length, 1);
    a.setTimeout(0.5);
    assert.throws(() => a.recv(), TimedOutError);
    a.setTimeout(Infinity);
    b.close();
    assert.equal(a.recv(), undefined);
    a.close();
    using listener = listening();
    listener.setTimeout(5);
    assert.throws(() => listener.accept(), TimedOutError);
  }));

test("what the system refuses is an error of its class", () =>
  counted(() => {
    using listener = listening();
    const address = listener.localAddress;
    using second = new Socket();
    assert.throws(() => second.bind(address), AddressInUseError);
    assert.throws(() => second.bind({ host: "192.0.2.1", port: 0 }), {
      code: "EADDRNOTAVAIL",
      message: /no such address/,
    });
    listener.close();
    assert.throws(() => second.connect(address), ConnectionRefusedError);
    using third = new Socket();
    assert.throws(() => third.remoteAddress, { code: "ENOTCONN" });
  }));

test("a peer that is gone: end of file, reset, broken pipe", () =>
  counted(() => {
    const [a, b] = connected();
    b.abort();
    assert.throws(() => a.recv(), ConnectionResetError);
    assert.throws(() => a.send(new Uint8Array(1)), BrokenPipeError);
    a.close();
    const [c, d] = socketPair();
    d.close();
    assert.throws(() => c.sendAll(new Uint8Array(1)), {
      name: "BrokenPipeError",
      message: /nobody reads at the other end/,
    });
    c.close();
    const [e, f] = connected();
    e.shutdown("both");
    assert.throws(() => e.send(new Uint8Array(1)), BrokenPipeError);
    assert.equal(f.recv(), undefined);
    e.close();
    f.close();
  }));

test("options are set and read; buffers may be made larger than asked for", () =>
  counted(() => {
    using socket = new Socket();
    for (const name of ["reuseAddress", "reusePort", "keepAlive", "noDelay", "broadcast"] as const) {
      assert.equal(socket.getOption(name), 0);
      socket.setOption(name, true);
      assert.equal(socket.getOption(name), 1);
      socket.setOption(name, false);
      assert.equal(socket.getOption(name), 0);
    }
    socket.setOption("receiveBufferBytes", 32_768);
    assert.ok(socket.getOption("receiveBufferBytes") >= 32_768);
  }));

test("closed, it says so, and closing again does nothing", () =>
  counted(() => {
    const [socket, peer] = socketPair();
    peer.close();
    socket.close();
    socket.close();
    socket.abort();
    assert.deepEqual([socket.fd, socket.isClosed], [-1, true]);
    const uses: Record<string, () => unknown> = {
      recv: () => socket.recv(),
      recvFrom: () => socket.recvFrom(),
      send: () => socket.send(new Uint8Array(1)),
      sendAll: () => socket.sendAll(new Uint8Array(1)),
      sendTo: () => socket.sendTo(new Uint8Array(1), { path: "x" }),
      accept: () => socket.accept(),
      bind: () => socket.bind({ path: "x" }),
      connect: () => socket.connect({ path: "x" }),
      listen: () => socket.listen(),
      shutdown: () => socket.shutdown(),
      setBlocking: () => socket.setBlocking(true),
      setTimeout: () => socket.setTimeout(1),
      setOption: () => socket.setOption("keepAlive", true),
      finishConnect: () => socket.finishConnect(),
      localAddress: () => socket.localAddress,
      remoteAddress: () => socket.remoteAddress,
    };
    for (const [name, use] of Object.entries(uses)) assert.throws(use, ClosedError, name);
  }));

test("garbage is refused, and the message names it", () =>
  counted(() => {
    using socket = new Socket();
    const garbage: [RegExp, () => unknown][] = [
      [/ipv4, ipv6, unix, got ipx/, () => new Socket({ family: "ipx" as never })],
      [/stream, datagram, got raw/, () => new Socket({ type: "raw" as never })],
      [/stream, datagram, got toString/, () => socketPair("toString" as never)],
      [/expected \{ host, port \}/, () => socket.connect({ path: "/x" })],
      [/expected \{ host, port \}/, () => socket.bind({ path: "/x" })],
      [/got the host "example.org"/, () => socket.connect({ host: "example.org", port: 1 })],
      [/got 70000/, () => socket.connect({ host: "127.0.0.1", port: 70_000 })],
      [/got 0$/, () => socket.recv(0)],
      [/got NaN/, () => socket.recv(Number.NaN)],
      [/got Infinity/, () => socket.recv(Infinity)],
      [/got string/, () => socket.send("text" as never)],
      [/got string/, () => socket.sendAll("text" as never)],
      [/got -1/, () => socket.listen(-1)],
      [/got NaN/, () => socket.setTimeout(Number.NaN)],
      [/got 0$/, () => socket.setTimeout(0)],
      [/read, write, both, got up/, () => socket.shutdown("up" as never)],
      [/option keepAlive: .* got yes/, () => socket.setOption("keepAlive", "yes" as never)],
      [/option sendBufferBytes: .* got -1/, () => socket.setOption("sendBufferBytes", -1)],
      [/got nonsense/, () => socket.setOption("nonsense" as never, true)],
    ];
    for (const [message, call] of garbage) {
      assert.throws(call, (error: Error) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError, String(error));
        assert.match(error.message, message);
        return true;
      });
    }
    socket.setBlocking(false);
    assert.throws(() => socket.sendAll(new Uint8Array(1)), InvalidStateError);
  }));

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));
}
