/** Unix sockets: what is checked before the system is asked, and what becomes of names that are taken. */
import assert from "node:assert/strict";
import test from "node:test";
import { ConnectError, cancelScope, currentLoop, ListenError } from "coppice";
import { type ListenUnixOptions, listenUnix, openUnix } from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import type { ConnectOptions, ListenOptions, Network, NetworkListener, Protocol } from "../../src/kernel/network.ts";
import { NotingTransport } from "../support/noting-transport.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const PATH = "/run/service.sock";

/** A network with one name, of which a test says what it is. Each call takes the next answer; a string is a code. */
class OnePath {
  readonly log: string[] = [];
  readonly listenAnswers: string[] = [];
  readonly unlinkAnswers: string[] = [];
  /** Without one the probe never ends. */
  readonly probeAnswers: ("live" | string)[] = [];
  readonly probes: NotingTransport[] = [];

  constructor() {
    Object.defineProperty(currentLoop(), "network", { value: this satisfies Partial<Network> });
  }

  listen({ address, mode }: ListenOptions): Promise<NetworkListener> {
    this.log.push(`listen${mode === undefined ? "" : ` ${mode.toString(8)}`}`);
    const code = this.listenAnswers.shift();
    if (code !== undefined) return Promise.reject(systemError(code));
    return Promise.resolve({ address, close: () => Promise.resolve() });
  }

  connect(_options: ConnectOptions, protocol: Protocol): () => void {
    this.log.push("probe");
    const answer = this.probeAnswers.shift();
    queueMicrotask(() => {
      if (answer === undefined) return;
      if (answer !== "live") return protocol.connectionLost(systemError(answer));
      const transport = new NotingTransport();
      this.probes.push(transport);
      protocol.connectionMade(transport);
    });
    return () => this.log.push("probe given up");
  }

  unlink(): Promise<void> {
    this.log.push("unlink");
    const code = this.unlinkAnswers.shift();
    return code === undefined ? Promise.resolve() : Promise.reject(systemError(code));
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`system error ${code}`), { code });
}

async function failureOf(options: Partial<ListenUnixOptions> = {}): Promise<ListenError> {
  const error = await rejection(listenUnix({ path: PATH, ...options }));
  assert.ok(error instanceof ListenError);
  return error;
}

test("by default a name that is taken is an error that says what can be done, and nothing is probed or removed", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE");
    const error = await failureOf();
    assert.equal(
      error.message,
      'listen on /run/service.sock: the name is taken (EADDRINUSE): stop the program that listens there, or choose another path; with `staleSocket: "replace"` a socket that a dead program left behind is replaced',
    );
    assert.equal(error.systemCode, "EADDRINUSE");
    assert.deepEqual(network.log, ["listen"]);
  }));

test("a name that is free is not probed", () =>
  virtually(async () => {
    const network = new OnePath();
    const listener = await listenUnix({ path: PATH, staleSocket: "replace", mode: 0o660 });
    assert.deepEqual(listener.address, { path: PATH });
    assert.deepEqual(network.log, ["listen 660"]);
    await listener.close();
  }));

test("a socket on which nobody answers is replaced", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE");
    network.probeAnswers.push("ECONNREFUSED");
    await (await listenUnix({ path: PATH, staleSocket: "replace" })).close();
    assert.deepEqual(network.log, ["listen", "probe", "unlink", "listen"]);
  }));

test("a socket on which somebody answers is left alone, and the probe goes away", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE");
    network.probeAnswers.push("live");
    const error = await failureOf({ staleSocket: "replace" });
    assert.equal(
      error.message,
      "listen on /run/service.sock: another program listens there (EADDRINUSE): stop it, or choose another path",
    );
    assert.deepEqual(network.probes[0]?.calls, ["abort"]);
    assert.deepEqual(network.log, ["listen", "probe"]);
  }));

for (const code of ["EAGAIN", "EACCES", "EPROTOTYPE"]) {
  test(`a socket whose probe ends with ${code} is not known to be stale, and left alone`, () =>
    virtually(async () => {
      const network = new OnePath();
      network.listenAnswers.push("EADDRINUSE");
      network.probeAnswers.push(code);
      const error = await failureOf({ staleSocket: "replace" });
      assert.ok(error.message.includes(code));
      assert.equal(error.systemCode, "EADDRINUSE");
      assert.deepEqual(network.log, ["listen", "probe"]);
    }));
}

test("what is no socket is left alone", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE");
    network.probeAnswers.push("ECONNREFUSED");
    network.unlinkAnswers.push("ENOTSOCK");
    assert.equal(
      (await failureOf({ staleSocket: "replace" })).message,
      "listen on /run/service.sock: what has that name is no socket (EADDRINUSE), and is left alone: choose another path",
    );
  }));

test("a stale socket that may not be removed is an error that says so", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE");
    network.probeAnswers.push("ECONNREFUSED");
    network.unlinkAnswers.push("EPERM");
    assert.equal((await failureOf({ staleSocket: "replace" })).systemCode, "EPERM");
  }));

test("a socket that is gone meanwhile needs no removing", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE", "EADDRINUSE");
    network.probeAnswers.push("ENOENT", "ECONNREFUSED");
    network.unlinkAnswers.push("ENOENT");
    await (await listenUnix({ path: PATH, staleSocket: "replace" })).close();
    assert.deepEqual(network.log, ["listen", "probe", "listen", "probe", "unlink", "listen"]);
  }));

test("a name that comes back each time is somebody else's", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE", "EADDRINUSE", "EADDRINUSE", "EADDRINUSE");
    network.probeAnswers.push("ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED");
    assert.equal((await failureOf({ staleSocket: "replace" })).systemCode, "EADDRINUSE");
    assert.equal(network.listenAnswers.length, 1);
  }));

test("cancelled during the probe, the probe is given up and nothing removed", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE");
    await cancelScope(async (scope) => {
      const listening = assertCancelledBy(scope, listenUnix({ path: PATH, staleSocket: "replace" }));
      await waitAllTasksBlocked();
      scope.cancel();
      await listening;
    });
    assert.deepEqual(network.log, ["listen", "probe", "probe given up"]);
  }));

test("a path that is too long, empty, or has a zero byte in it is refused before the system is asked", () =>
  virtually(async () => {
    const network = new OnePath();
    const long = `/run/${"ä".repeat(52)}`;
    const words =
      "the path is 109 bytes long, and a Unix socket's can have 107: choose a shorter one, or a relative one";
    assert.equal((await failureOf({ path: long })).message, `listen on ${long}: ${words}`);
    const error = await rejection(openUnix({ path: long }));
    assert.ok(error instanceof ConnectError);
    assert.equal(error.message, `connect to ${long}: ${words}`);
    await (await listenUnix({ path: `/run/${"a".repeat(102)}` })).close();
    for (const path of ["", "/run/\0x"]) {
      await failureOf({ path });
      assert.ok((await rejection(openUnix({ path }))) instanceof ConnectError);
    }
    assert.deepEqual(network.log, ["listen"]);
  }));

test("an abstract name is shown with an @", () =>
  virtually(async () => {
    const network = new OnePath();
    network.listenAnswers.push("EADDRINUSE");
    network.probeAnswers.push("ECONNREFUSED");
    assert.match((await failureOf({ path: "\0service" })).message, /^listen on @service: /);
    const error = await rejection(openUnix({ path: "\0service" }));
    assert.equal((error as Error).message, "connect to @service: nothing listens there (ECONNREFUSED)");
  }));

test("options that make no sense are RangeErrors", () =>
  virtually(async () => {
    const network = new OnePath();
    const bad: ListenUnixOptions[] = [
      { path: PATH, staleSocket: "remove" as "replace" },
      { path: PATH, mode: 0o1000 },
      { path: PATH, mode: 0.5 },
      { path: "\0service", mode: 0o600 },
      { path: PATH, backlog: 0 },
    ];
    for (const options of bad) assert.ok((await rejection(listenUnix(options))) instanceof RangeError);
    assert.deepEqual(network.log, []);
  }));
