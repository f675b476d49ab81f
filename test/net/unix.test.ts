/** Unix sockets on the network in memory. */
import assert from "node:assert/strict";
import test from "node:test";
import { ConnectError, cancelScope, currentLoop, ListenError, taskGroup } from "coppice";
import { listenUnix, openUnix, serve } from "coppice/net";
import type { VirtualLoop } from "coppice/testing";
import { networked } from "../support/network.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const PATH = "/run/service.sock";

test("a server serves its path, and stops as one on TCP does", () =>
  networked(async (network) => {
    const listener = await listenUnix({ path: PATH });
    await cancelScope((scope) =>
      taskGroup(async (group) => {
        const server = group.spawn(() =>
          serve(listener, async (stream) => {
            for await (const chunk of stream) await stream.send(chunk);
          }),
        );
        const client = await openUnix({ path: PATH });
        assert.deepEqual([client.localAddress, client.remoteAddress], [{ path: "" }, { path: PATH }]);
        await client.send(Buffer.from("ping"));
        assert.equal((await client.receive())?.length, 4);
        scope.stop({ graceMs: 1_000 });
        assert.ok((await rejection(openUnix({ path: PATH }))) instanceof ConnectError);
        await client.send(Buffer.from("last"));
        await client.sendEof();
        const chunks: Uint8Array[] = [];
        for await (const chunk of client) chunks.push(chunk);
        assert.equal(String(Buffer.concat(chunks)), "last");
        await client.close();
        await server;
      }),
    );
    assert.equal(network.listeners.size, 0);
  }));

test("a path is free again when its listener was closed", () =>
  networked(async () => {
    await (await listenUnix({ path: PATH })).close();
    const error = await rejection(openUnix({ path: PATH }));
    assert.equal((error as Error).message, `connect to ${PATH}: there is no such socket (ENOENT)`);
    await (await listenUnix({ path: PATH })).close();
  }));

test("a stale socket is replaced where that is asked, a live one and a file never", () =>
  virtually(async () => {
    const { files } = (currentLoop() as VirtualLoop).network;
    files.set(PATH, "socket");
    assert.ok((await rejection(listenUnix({ path: PATH }))) instanceof ListenError);
    const listener = await listenUnix({ path: PATH, staleSocket: "replace" });
    assert.ok((await rejection(listenUnix({ path: PATH, staleSocket: "replace" }))) instanceof ListenError);
    await (await listener.accept()).close();
    await using client = await openUnix({ path: PATH });
    await using server = await listener.accept();
    await server.send(Buffer.from("live"));
    await server.close();
    assert.equal((await client.receive())?.length, 4);
    await listener.close();
    files.set(PATH, "file");
    const error = await rejection(listenUnix({ path: PATH, staleSocket: "replace" }));
    assert.match((error as Error).message, /is no socket/);
    assert.equal(files.get(PATH), "file");
  }));
