/** Connections: the calls of a protocol, in their order, and the ways to end. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { cancelScope, currentTask, moveOnAfter, sleep, taskGroup } from "coppice";
import { currentEventLoop, StreamProtocol, type StreamTransport } from "coppice/loop";
import { withConnection } from "../connected.ts";
import { portOf, Recorder, type Row, turn } from "../kit.ts";

class Echo extends StreamProtocol {
  #transport!: StreamTransport;

  override connectionMade(transport: StreamTransport): void {
    this.#transport = transport;
  }

  override dataReceived(bytes: Uint8Array): void {
    this.#transport.write(bytes);
  }
}

export const connectionRows: readonly Row[] = [
  {
    name: "a protocol with two methods is an echo server",
    run: (kit) =>
      kit.run(async () => {
        await using server = await kit.loop.createServer(() => new Echo(), { port: 0 });
        const [transport, client] = await kit.loop.createConnection(() => new Recorder(), { port: portOf(server) });
        assert.equal(client.transport, transport);
        for (const word of ["one ", "two ", "three"]) transport.write(Buffer.from(word));
        await client.until(() => client.text === "one two three");
        transport.close();
        await client.has("lost");
      }),
  },
  {
    name: "a connection is made, has data, and is lost, each end in order and once",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        client.transport.write(Buffer.from("hello"));
        await server.until(() => server.text === "hello");
        client.transport.close();
        await Promise.all([client.has("lost"), server.has("lost")]);
        assert.deepEqual(client.log, ["made", "lost"]);
        assert.deepEqual(server.log, ["made", "data", "eof", "lost"]);
        assert.deepEqual([client.error, server.error], [undefined, undefined]);
        client.transport.close();
        client.transport.abort();
        client.transport.write(Buffer.from("to nobody"));
        assert.equal(client.transport.isClosing, true);
        for (let left = 3; left > 0; left--) await turn(kit.loop);
      }),
  },
  {
    name: "after the peer's end-of-file a connection is closed, unless the protocol says otherwise",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        server.keepsOpen = true;
        client.keepsOpen = true;
        client.transport.write(Buffer.from("question"));
        client.transport.writeEof();
        client.transport.write(Buffer.from("too late"));
        await server.has("eof");
        assert.equal(server.text, "question");
        assert.equal(server.log.includes("lost"), false);
        server.transport.write(Buffer.from("answer"));
        await client.until(() => client.text === "answer");
        server.transport.close();
        await Promise.all([client.has("lost"), server.has("lost")]);
        assert.deepEqual(client.log, ["made", "data", "eof", "lost"]);
        assert.deepEqual([client.error, server.error], [undefined, undefined]);
      }),
  },
  {
    name: "close flushes what was written",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        const chunk = new Uint8Array(1_000_000);
        client.transport.write(chunk);
        client.transport.write(chunk);
        client.transport.close();
        await server.has("lost");
        assert.equal(server.bytes, 2_000_000);
      }),
  },
  {
    name: "abort drops what was not sent, and the peer is told of a failure",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        server.transport.pauseReading();
        client.transport.write(new Uint8Array(20_000_000));
        client.transport.abort();
        assert.deepEqual(client.log.includes("lost"), false, "not called within the call");
        await client.has("lost");
        assert.equal(client.error, undefined);
        server.transport.resumeReading();
        await server.has("lost");
        assert.ok(server.bytes < 20_000_000);
        assert.ok(server.error instanceof Error);
      }),
  },
  {
    name: "after close, what still arrives is not passed on",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        client.transport.close();
        server.transport.write(Buffer.from("not wanted"));
        await client.has("lost");
        assert.equal(client.text, "");
        assert.deepEqual(client.log, ["made", "lost"]);
        server.transport.abort();
        await server.has("lost");
      }),
  },
  {
    name: "paused reading stops the data, and the peer by and by; resumed, nothing is missing",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        server.transport.pauseReading();
        server.transport.pauseReading();
        const size = 20_000_000;
        client.transport.write(new Uint8Array(size));
        await client.has("pause");
        for (let left = 10; left > 0; left--) await turn(kit.loop);
        const before = server.bytes;
        assert.ok(before < size);
        assert.ok(client.transport.bufferedBytes > 0);
        server.transport.resumeReading();
        server.transport.resumeReading();
        await server.until(() => server.bytes === size);
        await client.has("resume");
        assert.equal(client.transport.bufferedBytes, 0);
      }),
  },
  {
    name: "a protocol can be replaced: the next call goes to the new one",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        const second = new Recorder();
        assert.equal(server.transport.protocol, server);
        client.transport.write(Buffer.from("first"));
        await server.until(() => server.text === "first");
        server.transport.protocol = second;
        client.transport.write(Buffer.from("second"));
        await second.until(() => second.text === "second");
        client.transport.close();
        await second.has("lost");
        assert.deepEqual(second.log, ["data", "eof", "lost"]);
        assert.deepEqual(server.log, ["made", "data"]);
      }),
  },
  {
    name: "addresses of the two ends agree",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        assert.deepEqual(client.transport.remoteAddress, server.transport.localAddress);
        assert.deepEqual(client.transport.localAddress, server.transport.remoteAddress);
      }),
  },
  {
    name: "a refused connection is the system's error, and makes no protocol",
    run: (kit) =>
      kit.run(async () => {
        const server = await kit.loop.createServer(() => new StreamProtocol(), { port: 0 });
        const port = portOf(server);
        server.close();
        await server.waitClosed();
        await assert.rejects(
          kit.loop.createConnection(() => assert.fail("made a protocol"), { port }),
          { code: "ECONNREFUSED" },
        );
      }),
  },
  {
    name: "createConnection that is cancelled makes no protocol, before and during",
    run: (kit) =>
      kit.run(async () => {
        const accepted: Recorder[] = [];
        const server = await kit.loop.createServer(
          () => {
            const recorder = new Recorder();
            accepted.push(recorder);
            return recorder;
          },
          { port: 0 },
        );
        const connect = (): Promise<unknown> =>
          kit.loop.createConnection(() => assert.fail("made a protocol"), { port: portOf(server) });
        await cancelScope(async (scope) => {
          scope.cancel();
          await connect();
        });
        await taskGroup(async (group) => {
          group.spawn(connect);
          await Promise.resolve();
          group.cancelAll();
        });
        await moveOnAfter(0, connect);
        await sleep(2);
        for (const recorder of accepted) await recorder.has("lost");
        server.close();
        await server.waitClosed();
      }),
  },
  {
    name: "callbacks run in no task, in the AsyncLocalStorage of who made the server or the connection",
    run: (kit) =>
      kit.run(async () => {
        const storage = new AsyncLocalStorage<string>();
        const seen = new Set<string>();
        class Seeing extends Recorder {
          protected override note(event: string): void {
            seen.add(`${storage.getStore()} ${event} ${currentTask()} ${currentEventLoop() === kit.loop}`);
            super.note(event);
          }
        }
        const accepted = new Seeing();
        await cancelScope(async (scope) => {
          const server = await storage.run("server", () => kit.loop.createServer(() => accepted, { port: 0 }));
          const [transport, client] = await storage.run("client", () =>
            kit.loop.createConnection(() => new Seeing(), { port: portOf(server) }),
          );
          scope.cancel("their makers are gone");
          transport.write(Buffer.from("to the server"));
          await accepted.has("data");
          accepted.transport.write(Buffer.from("to the client"));
          await client.has("data");
          transport.close();
          await Promise.all([client.has("lost"), accepted.has("lost")]);
          server.close();
        });
        assert.deepEqual([...seen].sort(), [
          "client data undefined true",
          "client lost undefined true",
          "client made undefined true",
          "server data undefined true",
          "server eof undefined true",
          "server lost undefined true",
          "server made undefined true",
        ]);
      }),
  },
];
