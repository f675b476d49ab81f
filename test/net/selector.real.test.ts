/** The same on the loop that polls descriptors itself: what is asked of a network here holds there, too. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { ConnectError, cancelScope, ListenError, run, taskGroup, withTimeout } from "coppice";
import { SelectorLoop } from "coppice/loop";
import {
  type ByteStream,
  DatagramError,
  type Listener,
  listen,
  listenUnix,
  openTcp,
  openUdp,
  openUnix,
  serve,
} from "coppice/net";
import { Program } from "../support/program.ts";
import { descriptorCount, really } from "../support/real.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";

const PATIENCE_MS = 20_000;

/** Runs `fn` on a loop of its own, in a folder of its own; fails if it leaves a descriptor behind. */
async function polled(fn: (folder: string) => Promise<void>): Promise<void> {
  const before = descriptorCount();
  const folder = mkdtempSync(join(tmpdir(), "coppice-"));
  const loop = new SelectorLoop();
  try {
    await run(() => withTimeout(PATIENCE_MS, () => fn(folder)), { loop });
  } finally {
    loop.close();
    rmSync(folder, { recursive: true });
  }
  assert.equal(descriptorCount(), before, "descriptors were left open");
}

async function echo(stream: ByteStream): Promise<void> {
  for await (const chunk of stream) await stream.send(chunk);
}

async function isEchoed(stream: ByteStream): Promise<boolean> {
  await stream.send(Buffer.from("ping"));
  return (await stream.receive())?.length === 4;
}

test("one server serves TCP by a name and a Unix socket, within one limit", () =>
  polled(async (folder) => {
    const path = join(folder, "s");
    const tcp = await listen({ host: "localhost", port: 0 });
    const unix = await listenUnix({ path, mode: 0o600 });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await taskGroup(async (group) => {
      const listeners: Listener<ByteStream>[] = [tcp, unix];
      group.spawn(() => serve(listeners, echo, { maxConnections: 1 }));
      for (const open of [() => openTcp({ host: "localhost", port: tcp.address.port }), () => openUnix({ path })]) {
        await using stream: ByteStream = await open();
        assert.ok(await isEchoed(stream));
      }
      const error = await rejection(listenUnix({ path, staleSocket: "replace" }));
      assert.ok(error instanceof ListenError);
      for (const listener of listeners) await listener.close();
    });
    assert.equal(existsSync(path), false);
  }));

test("what cannot be reached is told in the same words", () =>
  polled(async (folder) => {
    const words = async (promise: Promise<unknown>): Promise<string> => {
      const error = await rejection(promise);
      assert.ok(error instanceof ConnectError);
      return error.message;
    };
    const closed = await listen({ port: 0 });
    await closed.close();
    const { port } = closed.address;
    const refused = `connect to 127.0.0.1:${port}: nothing listens there (ECONNREFUSED)`;
    assert.equal(await words(openTcp({ port })), refused);
    const unknown = "connect to no-such-host.invalid:1: the host name is not known (ENOTFOUND)";
    assert.equal(await words(openTcp({ host: "no-such-host.invalid", port: 1 })), unknown);
    const path = join(folder, "s");
    assert.equal(await words(openUnix({ path })), `connect to ${path}: there is no such socket (ENOENT)`);
  }));

test("datagrams keep their boundaries, and an error of one is told to a connected socket, which goes on", () =>
  polled(async () => {
    const server = await openUdp({ port: 0 });
    await using client = await openUdp({ remote: server.localAddress });
    for (const size of [3, 0, 60_000]) {
      await client.send(new Uint8Array(size));
      const { bytes, from } = await server.receive();
      assert.equal(bytes.length, size);
      assert.deepEqual(from, client.localAddress);
    }
    await server.close();
    await client.send(new Uint8Array(1));
    const error = await rejection(client.receive());
    assert.ok(error instanceof DatagramError);
    assert.equal(error.systemCode, "ECONNREFUSED");
    await using again = await openUdp(server.localAddress);
    await client.send(new Uint8Array(1));
    assert.equal((await again.receive()).bytes.length, 1);
  }));

test("attempts to connect that are cancelled leave nothing behind", () =>
  polled(async () => {
    await using listener = await listen({ host: "localhost", port: 0 });
    for (let index = 0; index < 50; index++) {
      await cancelScope(async (scope) => {
        const connecting = assertCancelledBy(scope, openTcp({ host: "localhost", port: listener.address.port }));
        scope.cancel();
        await connecting;
      });
    }
  }));

const SERVER = `
import { run } from "coppice";
import { SelectorLoop } from "coppice/loop";
import { listen, serve } from "coppice/net";

await run(
  async () => {
    const listener = await listen({ port: 0 });
    console.log("listening on " + listener.address.port);
    await serve(listener, async (stream) => {
      for await (const chunk of stream) await stream.send(chunk);
    });
  },
  { loop: new SelectorLoop() },
);
`;

test("without descriptors connections wait with the system, which is said once, and are all served as others end", () =>
  really(async () => {
    const line = 'ulimit -n 60; exec "$0" --conditions=coppice-source --input-type=module --eval "$1"';
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    await using server = new Program("/bin/sh", ["-c", line, process.execPath, SERVER], { env });
    const port = Number((await server.prints(/listening on (\d+)/))[1]);
    const streams = await Promise.all(Array.from({ length: 100 }, () => openTcp({ port })));
    await withTimeout(PATIENCE_MS, () =>
      taskGroup((group) => {
        for (const stream of streams) {
          group.spawn(async () => {
            assert.ok(await isEchoed(stream));
            await stream.close();
          });
        }
      }),
    );
    assert.equal(server.stderr.split("COPPICE_ACCEPT_FAILED").length, 2, `it is said once: ${server.stderr}`);
  }));
