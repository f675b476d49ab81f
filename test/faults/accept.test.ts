/** Listeners whose accepts fail: on the network in memory, which fails them when told to, and of the user's own. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, currentLoop, sleep, taskGroup } from "coppice";
import {
  type ByteStream,
  type Listener,
  listen,
  listenUnix,
  memoryPair,
  openTcp,
  openUnix,
  serve,
  tlsListener,
} from "coppice/net";
import { VirtualLoop } from "coppice/testing";
import { withBystander } from "../support/faults-guard.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";
import { serverContext } from "../tls/identities.ts";
import { bytesOf, textOf } from "./streams-at-work.ts";

const EXHAUSTED = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
const OF_PEERS = ["ECONNABORTED", "EPROTO", "ENETDOWN", "EHOSTUNREACH", "EPERM"];
const UNHEARD_OF = ["EIO", "EINVAL"];

function virtualLoop(): VirtualLoop {
  const loop = currentLoop();
  assert.ok(loop instanceof VirtualLoop);
  return loop;
}

/** What is said to the operator while `fn` runs. */
async function warningsOf(fn: () => Promise<void>): Promise<string[]> {
  const loop = virtualLoop();
  const warnings: string[] = [];
  const { warn } = loop;
  loop.warn = (message, code) => warnings.push(`${code}: ${message}`);
  try {
    await fn();
  } finally {
    loop.warn = warn;
  }
  return warnings;
}

async function echo(stream: ByteStream): Promise<void> {
  for await (const chunk of stream) await stream.send(chunk);
}

const places = {
  TCP: async () => {
    const listener = await listen({ port: 0 });
    return { listener: listener as Listener<ByteStream>, open: () => openTcp(listener.address) as Promise<ByteStream> };
  },
  "Unix sockets": async () => {
    const listener = await listenUnix({ path: "/run/service" });
    return {
      listener: listener as Listener<ByteStream>,
      open: () => openUnix(listener.address) as Promise<ByteStream>,
    };
  },
};

for (const [name, place] of Object.entries(places)) {
  for (const codes of [EXHAUSTED, OF_PEERS, UNHEARD_OF]) {
    test(`${name}: accepts that fail with ${codes.join(", ")} cost the connection, and neither the server nor anybody else`, () =>
      virtually(() =>
        taskGroup(async (group) => {
          const { listener, open } = await place();
          group.spawn(() => serve(listener, echo), { background: true });
          const warnings = await warningsOf(async () => {
            const stream = await open();
            await stream.send(bytesOf("before"));
            assert.equal(textOf(await stream.receive()), "before");
            virtualLoop().network.acceptErrors.push(...codes, ...codes);
            for (let count = 0; count < 2 * codes.length; count++) {
              const dropped = await open();
              assert.ok((await rejection(dropped.receive())) instanceof BrokenError);
              await dropped.close();
              await sleep(10);
            }
            await stream.send(bytesOf("after"));
            assert.equal(textOf(await stream.receive()), "after");
            await stream.close();
          });
          const said = codes === OF_PEERS ? [] : [codes[0] as string];
          assert.equal(warnings.length, said.length, warnings.join("\n"));
          for (const [index, code] of said.entries()) {
            assert.match(
              String(warnings[index]),
              new RegExp(`^COPPICE_ACCEPT_FAILED: .*the listener goes on: .*${code}`),
            );
          }
          const last = await open();
          await last.send(bytesOf("served"));
          assert.equal(textOf(await last.receive()), "served");
          await last.close();
        }),
      ));
  }
}

/** A listener of the user's own, whose accepts give what `next` gives. */
function ownListener(next: () => Promise<ByteStream>): Listener<ByteStream> & { isClosed: boolean } {
  return {
    isClosed: false,
    accept: next,
    async close() {
      this.isClosed = true;
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) yield await next();
    },
  };
}

function systemError(code: string): Error {
  return Object.assign(new Error(`accept ${code}`), { code });
}

test("a listener of one's own that is exhausted is tried again after a pause, and what it was is said once a minute", () =>
  virtually(async () => {
    const loop = virtualLoop();
    const started = loop.time();
    let accepts = 0;
    const listener = ownListener(async () => {
      accepts++;
      if (accepts <= 1_300) throw systemError("EMFILE");
      throw new ClosedError("that was all");
    });
    const warnings = await warningsOf(() => serve(listener, echo));
    assert.equal(listener.isClosed, true);
    assert.equal(accepts, 1_301);
    assert.equal(loop.time() - started, 130_000);
    assert.equal(warnings.length, 3, warnings.join("\n"));
    assert.match(String(warnings[1]), /599 more since that was last said/);
  }));

test("a listener of one's own that fails otherwise ends the server with that error, and is closed", () =>
  virtually(async () => {
    const failure = new TypeError("a bug");
    const listener = ownListener(() => Promise.reject(failure));
    assert.equal(await rejection(serve(listener, echo)), failure);
    assert.equal(listener.isClosed, true);
  }));

test("a connection that was accepted goes on though the listener fails afterwards; with the failure it is cut", () =>
  virtually(async () => {
    const [client, server] = memoryPair();
    const gate = Promise.withResolvers<ByteStream>();
    const nexts = [Promise.resolve(server), gate.promise];
    const failure = systemError("EIO");
    const listener = ownListener(() => nexts.shift() as Promise<ByteStream>);
    const serving = rejection(serve(listener, echo));
    await withBystander(
      async () => memoryPair(),
      async () => {
        await client.send(bytesOf("x"));
        assert.equal(textOf(await client.receive()), "x");
        gate.reject(failure);
        assert.equal(await serving, failure);
        assert.ok((await rejection(client.receive())) instanceof BrokenError);
        client.abort();
      },
    );
  }));

test("TLS over a listener that is exhausted is tried again, too", () =>
  virtually(async () => {
    let accepts = 0;
    const below = ownListener(async () => {
      if (++accepts < 5) throw systemError("ENFILE");
      throw new ClosedError("that was all");
    });
    const warnings = await warningsOf(() => serve(tlsListener(below, { context: serverContext() }), echo));
    assert.equal(accepts, 5);
    assert.equal(warnings.length, 1);
  }));
