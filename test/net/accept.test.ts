/** Accepting: the limit of the queue, and accepts that fail. */
import assert from "node:assert/strict";
import test from "node:test";
import { currentLoop, sleep, taskGroup } from "coppice";
import { type ByteStream, type Listener, serve } from "coppice/net";
import { StreamListener } from "../../src/net/stream-listener.ts";
import { connected, NotingTransport } from "../support/noting-transport.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** The warnings of the loop in force, from now on. */
function warnings(): string[] {
  const told: string[] = [];
  Object.defineProperty(currentLoop(), "warn", {
    value: (message: string, code: string) => told.push(`${code}: ${message}`),
  });
  return told;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`accept ${code}`), { code });
}

function connect(listener: StreamListener): NotingTransport {
  const transport = new NotingTransport();
  listener.accepted().connectionMade(transport);
  return transport;
}

test("as many connections wait as the backlog says; more are refused, which is said once and then once a minute", () =>
  virtually(async () => {
    const told = warnings();
    const listener = new StreamListener(2);
    const transports = [1, 2, 3, 4].map(() => connect(listener));
    assert.deepEqual(
      transports.map(({ calls }) => calls),
      [[], [], ["abort"], ["abort"]],
    );
    await listener.accept();
    assert.deepEqual(connect(listener).calls, [], "there is room again");
    await sleep(60_000);
    connect(listener);
    assert.deepEqual(told, [
      "COPPICE_BACKLOG_FULL: 2 connections wait to be accepted, more are refused: accept sooner, or raise `backlog`",
      "COPPICE_BACKLOG_FULL: 2 connections wait to be accepted, more are refused: accept sooner, or raise `backlog` (1 more since that was last said)",
    ]);
    await listener.close();
  }));

test("an accept that fails for want of descriptors is said once, and then once a minute with the number of the others", () =>
  virtually(async () => {
    const told = warnings();
    const listener = new StreamListener();
    for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]) listener.acceptFailed(systemError(code));
    await sleep(60_000);
    listener.acceptFailed(systemError("EMFILE"));
    assert.deepEqual(told, [
      "COPPICE_ACCEPT_FAILED: a connection could not be accepted, the listener goes on: accept EMFILE",
      "COPPICE_ACCEPT_FAILED: a connection could not be accepted, the listener goes on: accept EMFILE (3 more since that was last said)",
    ]);
    connect(listener);
    await listener.accept();
    await listener.close();
  }));

test("a connection that was gone before it was accepted is nobody's affair", () =>
  virtually(async () => {
    const told = warnings();
    const listener = new StreamListener();
    for (const code of ["ECONNABORTED", "EPROTO", "ENETDOWN"]) listener.acceptFailed(systemError(code));
    assert.deepEqual(told, []);
    await listener.close();
  }));

test("any other failure of an accept is said, and the listener goes on", () =>
  virtually(async () => {
    const told = warnings();
    const listener = new StreamListener();
    listener.acceptFailed(systemError("EIO"));
    assert.deepEqual(told, [
      "COPPICE_ACCEPT_FAILED: a connection could not be accepted, the listener goes on: accept EIO",
    ]);
    connect(listener);
    await listener.accept();
    await listener.close();
  }));

/** A listener of somebody else's: each accept gives the next of `outcomes`, an error or a stream; then it waits for its end. */
class ScriptedListener implements Listener<ByteStream> {
  readonly at: number[] = [];
  readonly #outcomes: (Error | ByteStream)[];
  readonly #rest = new StreamListener();

  constructor(outcomes: (Error | ByteStream)[]) {
    this.#outcomes = outcomes;
  }

  async accept(): Promise<ByteStream> {
    this.at.push(currentLoop().time());
    const next = this.#outcomes.shift();
    if (next instanceof Error) throw next;
    return next ?? this.#rest.accept();
  }

  close(): Promise<void> {
    return this.#rest.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<ByteStream> {
    return this.#rest[Symbol.asyncIterator]();
  }
}

test("serve tries an accept that fails for want of descriptors again after 100 ms, and one that its peer gave up at once", () =>
  virtually(async () => {
    const told = warnings();
    const { stream, transport } = connected();
    const listener = new ScriptedListener([
      systemError("EMFILE"),
      systemError("ENOBUFS"),
      systemError("ECONNABORTED"),
      stream,
    ]);
    await taskGroup(async (group) => {
      let served = 0;
      group.spawn(() =>
        serve(listener, () => {
          served++;
          transport.protocol = stream;
          queueMicrotask(() => stream.connectionLost(undefined));
        }),
      );
      await sleep(1_000);
      assert.equal(served, 1);
      await listener.close();
    });
    assert.deepEqual(listener.at, [0, 100, 200, 200, 200]);
    assert.deepEqual(told, [
      "COPPICE_ACCEPT_FAILED: a connection could not be accepted, it is tried again every 100 ms: accept EMFILE",
    ]);
  }));

test("any other failure of an accept ends serve, and is rethrown as it is", () =>
  virtually(async () => {
    const error = systemError("EIO");
    assert.equal(await rejection(serve(new ScriptedListener([error]), () => {})), error);
  }));
