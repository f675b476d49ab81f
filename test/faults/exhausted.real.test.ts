/** Descriptors that run out (`ulimit -n`), for everything that opens one: the error of that call, others go on, and all works again when there are some. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { BrokenError, currentLoop, TimeoutError, withTimeout } from "coppice";
import { type ByteStream, openTcp, openTls, openUnix } from "coppice/net";
import { harmless } from "../support/faults-guard.ts";
import { Program } from "../support/program.ts";
import { clientContext } from "../tls/identities.ts";

const PATIENCE_MS = 15_000;
const LIMIT = 48;

/** Runs a program of this folder in a process that may have few descriptors. */
function withFewDescriptors(file: string, ...args: string[]): Program {
  const line = `ulimit -n ${LIMIT}; exec "$0" --conditions=coppice-source "$@"`;
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  return new Program("/bin/sh", ["-c", line, process.execPath, join(import.meta.dirname, file), ...args], { env });
}

test("whatever is opened without a descriptor fails by name, leaves nothing, and is opened when there are some", async () => {
  const { code, stdout, stderr } = await withFewDescriptors("exhausted-openers.ts").ended;
  assert.equal(code, 0, stderr);
  const [first = "", exhausted = "", released = "", end = ""] = stdout.split(/^-- .*\n/m);
  assert.equal(end, "", stdout);
  const names = exhausted
    .trim()
    .split("\n")
    .map((line) => line.split(": ")[0]);
  assert.equal(names.length, 16, exhausted);
  for (const line of exhausted.trim().split("\n")) {
    assert.match(line, /: (ConnectError|ListenError|SpawnError|TooManyFilesError) EMFILE: .*no file descriptor left/);
    assert.match(line, /raise `ulimit -n`/);
  }
  for (const part of [first, released]) {
    for (const line of part.trim().split("\n")) assert.match(line, /: opened$|^openTls: TlsError/);
  }
});

interface Kind {
  readonly name: string;
  readonly args: (path: string) => string[];
  readonly open: (port: number, path: string) => Promise<ByteStream>;
}

const kinds: readonly Kind[] = [
  { name: "TCP on SelectorLoop", args: () => ["SelectorLoop", "tcp"], open: (port) => openTcp({ port }) },
  { name: "Unix sockets", args: (path) => ["NodeLoop", "unix", path], open: (_, path) => openUnix({ path }) },
  {
    name: "Unix sockets on SelectorLoop",
    args: (path) => ["SelectorLoop", "unix", path],
    open: (_, path) => openUnix({ path }),
  },
  {
    name: "TLS",
    args: () => ["NodeLoop", "tls"],
    open: (port) => openTls({ port, serverName: "localhost", context: clientContext(), handshakeTimeoutMs: 1_000 }),
  },
];

/** Whether what is sent comes back. */
async function isServed(stream: ByteStream): Promise<boolean> {
  try {
    await stream.send(Buffer.from("ping"));
    return (await withTimeout(500, () => stream.receive())) !== undefined;
  } catch (error) {
    if (error instanceof BrokenError || error instanceof TimeoutError) return false;
    throw error;
  }
}

for (const { name, args, open } of kinds) {
  test(`${name}: a storm of connections takes the last descriptor, and those who have theirs are served through it`, () =>
    harmless(async () => {
      const path = join(tmpdir(), `coppice-storm-${process.pid}-${name.length}`);
      // The server is killed in the end, and its socket's name stays.
      using _ = { [Symbol.dispose]: () => rmSync(path, { force: true }) };
      await using server = withFewDescriptors("exhausted-server.ts", ...args(path));
      await server.prints(/listening/);
      const port = Number(/port (\d+)/.exec(server.stdout)?.[1] ?? 0);
      const first = await open(port, path);
      assert.ok(await isServed(first));
      const streams: ByteStream[] = [];
      for (let count = 0; count < 2 * LIMIT; count++) {
        const stream = await open(port, path).catch((error: unknown) => {
          assert.ok(error instanceof Error && /^(CONNECT|BROKEN|TLS)$/.test((error as { code?: string }).code ?? ""));
        });
        if (stream !== undefined) streams.push(stream);
        if (count % 20 === 0) assert.ok(await isServed(first), "one that was connected is served no more");
        // A server that has none left lets the handshakes wait.
        if (name === "TLS" && stream === undefined) break;
      }
      assert.ok(await isServed(first));
      for (const stream of streams) stream.abort();
      const end = currentLoop().time() + PATIENCE_MS;
      for (let isBack = false; !isBack; ) {
        assert.ok(currentLoop().time() < end, `not served again: ${server.stderr}`);
        const stream = await open(port, path).catch(() => undefined);
        isBack = stream !== undefined && (await isServed(stream));
        stream?.abort();
      }
      assert.ok(await isServed(first));
      first.abort();
      assert.equal(server.child.exitCode, null);
      assert.equal(server.stderr.split("COPPICE_ACCEPT_FAILED").length, 2, `it is said once: ${server.stderr}`);
    }));
}
