/** Unix sockets in the file system. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { BrokenError, ConnectError, ListenError, taskGroup, until } from "coppice";
import { listenUnix, openUnix, serve, type UnixListener } from "coppice/net";
import { really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";

/** Runs `body` with a path in a folder of its own. */
function atPath(body: (path: string) => Promise<void>): Promise<void> {
  return really(async () => {
    const folder = mkdtempSync(join(tmpdir(), "coppice-"));
    try {
      await body(join(folder, "s"));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

/** Leaves a socket at `path` whose program was killed. */
async function leaveStale(path: string): Promise<void> {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await until(once(spawn(process.execPath, ["-e", script], { stdio: "ignore" }), "exit"));
  assert.ok(statSync(path).isSocket());
}

async function assertServes(listener: UnixListener): Promise<void> {
  await using client = await openUnix(listener.address);
  await using server = await listener.accept();
  await client.send(Buffer.from("ping"));
  assert.equal((await server.receive())?.length, 4);
}

async function refusal(promise: Promise<unknown>): Promise<ListenError> {
  const error = await rejection(promise);
  assert.ok(error instanceof ListenError);
  return error;
}

test("both ends know the path, and closing the listener removes it while a connection goes on", () =>
  atPath(async (path) => {
    const listener = await listenUnix({ path });
    assert.deepEqual(listener.address, { path });
    await using client = await openUnix({ path });
    await using server = await listener.accept();
    assert.deepEqual([client.localAddress, client.remoteAddress], [{ path: "" }, { path }]);
    assert.deepEqual([server.localAddress, server.remoteAddress], [{ path }, { path: "" }]);
    await listener.close();
    assert.equal(existsSync(path), false);
    await server.send(Buffer.from("on"));
    assert.equal((await client.receive())?.length, 2);
  }));

test("a server serves it as it serves TCP", () =>
  atPath(async (path) => {
    const listener = await listenUnix({ path });
    await taskGroup(async (group) => {
      group.spawn(() =>
        serve(listener, async (stream) => {
          for await (const chunk of stream) await stream.send(chunk);
        }),
      );
      await using client = await openUnix({ path });
      await client.send(Buffer.from("echo"));
      assert.equal((await client.receive())?.length, 4);
      await client.close();
      await listener.close();
    });
  }));

test("where nobody listens, a ConnectError says whether there is a socket", () =>
  atPath(async (path) => {
    const none = await rejection(openUnix({ path }));
    assert.ok(none instanceof ConnectError);
    assert.equal(none.message, `connect to ${path}: there is no such socket (ENOENT)`);
    await leaveStale(path);
    const stale = await rejection(openUnix({ path }));
    assert.equal((stale as Error).message, `connect to ${path}: nothing listens there (ECONNREFUSED)`);
  }));

test("a stale socket is an error by default, and replaced where that is asked", () =>
  atPath(async (path) => {
    await leaveStale(path);
    assert.equal((await refusal(listenUnix({ path }))).systemCode, "EADDRINUSE");
    assert.ok(existsSync(path));
    const listener = await listenUnix({ path, staleSocket: "replace" });
    await assertServes(listener);
    await listener.close();
    assert.equal(existsSync(path), false);
  }));

test("a live socket is never replaced, and goes on serving", () =>
  atPath(async (path) => {
    const live = await listenUnix({ path });
    const error = await refusal(listenUnix({ path, staleSocket: "replace" }));
    assert.match(error.message, /another program listens there \(EADDRINUSE\)/);
    // The probe was a connection, which is over.
    const probe = await live.accept();
    const end = await probe.receive().catch((error: unknown) => error);
    assert.ok(end === undefined || end instanceof BrokenError);
    await probe.close();
    await assertServes(live);
    await live.close();
  }));

test("a file, a folder and a link to nowhere are never replaced", () =>
  atPath(async (path) => {
    writeFileSync(path, "precious");
    const link = `${path}-link`;
    symlinkSync(`${path}-nowhere`, link);
    for (const taken of [path, join(path, ".."), link]) {
      const error = await refusal(listenUnix({ path: taken, staleSocket: "replace" }));
      assert.equal(error.systemCode, "EADDRINUSE");
    }
    assert.equal(readFileSync(path, "utf8"), "precious");
  }));

test("of two that replace one stale socket one after the other, the second finds the first", () =>
  atPath(async (path) => {
    await leaveStale(path);
    const first = await listenUnix({ path, staleSocket: "replace" });
    await refusal(listenUnix({ path, staleSocket: "replace" }));
    await (await first.accept()).close();
    await assertServes(first);
    await first.close();
  }));

test("the mode is the name's", () =>
  atPath(async (path) => {
    for (const mode of [0o600, 0o666]) {
      const listener = await listenUnix({ path, mode });
      assert.equal(statSync(path).mode & 0o777, mode);
      await listener.close();
    }
  }));

test("a folder that is not there, or may not be written, is a ListenError", () =>
  atPath(async (path) => {
    assert.ok((await refusal(listenUnix({ path: join(path, "no", "such") }))).systemCode !== undefined);
    chmodSync(join(path, ".."), 0o500);
    // The superuser may write everywhere.
    if (process.getuid?.() !== 0) assert.equal((await refusal(listenUnix({ path }))).systemCode, "EACCES");
    chmodSync(join(path, ".."), 0o700);
  }));

test("a path of 107 bytes works", () =>
  atPath(async (path) => {
    const long = path + "x".repeat(107 - Buffer.byteLength(path));
    const listener = await listenUnix({ path: long });
    await assertServes(listener);
    await listener.close();
  }));

test(
  "an abstract name works without a file",
  { skip: process.platform !== "linux" && "abstract names are Linux's" },
  () =>
    really(async () => {
      const listener = await listenUnix({ path: `\0coppice-test-${process.pid}` });
      await assertServes(listener);
      await refusal(listenUnix(listener.address));
      await listener.close();
    }),
);
