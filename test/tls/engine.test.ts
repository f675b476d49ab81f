/** The engine alone: bytes in, bytes out, nobody else. */
import assert from "node:assert/strict";
import test from "node:test";
import { currentLoop } from "coppice";
import { Context } from "../../src/tls/context.ts";
import { TlsEngine, type TlsEvents, type TlsRole, type TlsSession } from "../../src/tls/engine.ts";
import type { TlsFailure } from "../../src/tls/errors.ts";
import { virtually } from "../support/virtual.ts";
import { identity, pem } from "./identities.ts";

const client: TlsRole = { side: "client", serverName: "localhost", context: new Context({ ca: pem("ca") }) };
const server: TlsRole = { side: "server", context: new Context(identity("server")) };

/** An engine with what came out of it. */
class Side implements TlsEvents {
  readonly engine: TlsEngine;
  readonly out: Uint8Array[] = [];
  heard = "";
  session: TlsSession | undefined;
  hasEnded = false;
  failure: TlsFailure | undefined;
  onSecured: () => void = () => {};

  constructor(role: TlsRole) {
    this.engine = new TlsEngine(role, this, currentLoop());
  }

  sealed(bytes: Uint8Array): void {
    this.out.push(bytes);
  }
  opened(bytes: Uint8Array): void {
    this.heard += Buffer.from(bytes);
  }
  secured(session: TlsSession): void {
    this.session = session;
    this.onSecured();
  }
  ended(): void {
    this.hasEnded = true;
  }
  drained(): void {}
  failed(failure: TlsFailure): void {
    this.failure = failure;
  }
}

/** Carries what came out of each to the other until nothing more comes, over several turns. */
async function carry(a: Side, b: Side, size = Infinity): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const bytes of from.out.splice(0)) {
        quiet = 0;
        for (let at = 0; at < bytes.length; at += size) to.engine.feed(bytes.subarray(at, at + size));
      }
    }
    await currentLoop().breathe();
  }
}

async function connected(body: (a: Side, b: Side) => Promise<void>, size?: number): Promise<void> {
  await virtually(async () => {
    const [a, b] = [new Side(client), new Side(server)];
    assert.equal(a.out.length, 1, "a client's first word comes out at once");
    await Promise.all([a.engine.started, b.engine.started]);
    await carry(a, b, size);
    assert.ok(a.session && b.session);
    await body(a, b);
    a.engine.destroy();
    b.engine.destroy();
    await currentLoop().breathe();
  });
}

test("what is written in comes out at the other side, both ways, within the call", () =>
  connected(async (a, b) => {
    assert.equal(a.engine.write(Buffer.from("to the server")), true);
    for (const bytes of a.out.splice(0)) b.engine.feed(bytes);
    assert.equal(b.heard, "to the server");
    assert.equal(b.engine.write(Buffer.from("to the client")), true);
    for (const bytes of b.out.splice(0)) a.engine.feed(bytes);
    assert.equal(a.heard, "to the client");
  }));

test("byte by byte it is the same", () =>
  connected(async (a, b) => {
    a.engine.write(Buffer.from("hello"));
    await carry(a, b, 1);
    assert.equal(b.heard, "hello");
  }, 1));

test("a second write in one turn comes out in the next, in order", () =>
  connected(async (a, b) => {
    assert.equal(a.engine.write(Buffer.from("one ")), true);
    assert.equal(a.engine.isReady, false);
    assert.equal(a.engine.write(Buffer.from("two ")), false);
    assert.ok(a.engine.bufferedBytes > 0);
    a.engine.write(Buffer.from("three"));
    await carry(a, b);
    assert.equal(b.heard, "one two three");
    assert.equal(a.engine.isReady, true);
    assert.equal(a.engine.bufferedBytes, 0);
  }));

test("what is written comes out in one piece, however much it is", () =>
  connected(async (a) => {
    assert.equal(a.engine.write(Buffer.alloc(5_000_000)), true);
    assert.equal(a.out.length, 1);
  }));

test("finish is close_notify, after what was written; the other direction goes on", () =>
  connected(async (a, b) => {
    a.engine.write(Buffer.from("the last word"));
    a.engine.finish();
    a.engine.finish();
    a.engine.write(Buffer.from("too late"));
    await carry(a, b);
    assert.equal(b.heard, "the last word");
    assert.ok(b.hasEnded && !a.hasEnded);
    b.engine.write(Buffer.from("answer"));
    await carry(a, b);
    assert.equal(a.heard, "answer");
    b.engine.finish();
    await carry(a, b);
    assert.ok(a.hasEnded && a.engine.isAlive);
  }));

for (const [who, role, other] of [
  ["server", server, client],
  ["client", client, server],
] as const) {
  test(`a ${who} that writes and finishes in the moment in which it is secured loses neither`, () =>
    virtually(async () => {
      const hasty = new Side(role);
      const patient = new Side(other);
      hasty.onSecured = () => {
        hasty.engine.write(Buffer.from("all at once"));
        hasty.engine.finish();
      };
      await Promise.all([hasty.engine.started, patient.engine.started]);
      await carry(hasty, patient);
      assert.equal(patient.heard, "all at once");
      assert.ok(patient.hasEnded);
      hasty.engine.destroy();
      patient.engine.destroy();
      await currentLoop().breathe();
    }));
}

test("destroyed, it says and takes nothing more", () =>
  connected(async (a, b) => {
    a.engine.destroy();
    a.engine.destroy();
    a.engine.write(Buffer.from("x"));
    a.engine.finish();
    a.engine.feed(Buffer.from("garbage"));
    await carry(a, b);
    assert.equal(a.failure, undefined);
    assert.equal(b.heard, "");
    assert.equal(b.hasEnded, false);
  }));

test("garbage after the handshake fails it at once, with an alert before", () =>
  connected(async (a) => {
    a.engine.feed(Buffer.from("this is no record of TLS"));
    assert.ok(a.failure);
    assert.equal(a.engine.isAlive, false);
    assert.equal(a.out.length, 1, "the alert");
  }));
