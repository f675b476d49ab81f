/** Servers and connections on Unix sockets. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StreamProtocol } from "coppice/loop";
import { Recorder, type Row } from "../kit.ts";

async function withPath(body: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "coppice-loop-"));
  try {
    await body(join(folder, "socket"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const unixRows: readonly Row[] = [
  {
    name: "a Unix socket carries a connection",
    run: (kit) =>
      withPath((path) =>
        kit.run(async () => {
          const accepted = new Recorder();
          const server = await kit.loop.createUnixServer(() => accepted, { path });
          assert.deepEqual(server.addresses, [{ path }]);
          const [transport, client] = await kit.loop.createUnixConnection(() => new Recorder(), { path });
          assert.deepEqual(transport.remoteAddress, { path });
          transport.write(Buffer.from("ping"));
          await accepted.until(() => accepted.text === "ping");
          assert.deepEqual(accepted.transport.localAddress, { path });
          accepted.transport.write(Buffer.from("pong"));
          await client.until(() => client.text === "pong");
          transport.close();
          server.close();
          await server.waitClosed();
          assert.deepEqual(accepted.log, ["made", "data", "eof", "lost"]);
        }),
      ),
  },
  {
    name: "a Unix socket that nobody listens on refuses, and one in use cannot be had",
    run: (kit) =>
      withPath((path) =>
        kit.run(async () => {
          await assert.rejects(
            kit.loop.createUnixConnection(() => new StreamProtocol(), { path }),
            (error: Error & { code: string }) => ["ENOENT", "ECONNREFUSED"].includes(error.code),
          );
          await using _server = await kit.loop.createUnixServer(() => new StreamProtocol(), { path });
          await assert.rejects(
            kit.loop.createUnixServer(() => new StreamProtocol(), { path }),
            { code: "EADDRINUSE" },
          );
        }),
      ),
  },
];
