/** Servers: accepting, closing, and waiting for the end of their connections. */
import assert from "node:assert/strict";
import { cancelScope, moveOnAfter, sleep, taskGroup } from "coppice";
import { type EventLoop, type Server, StreamProtocol } from "coppice/loop";
import { type Kit, portOf, Recorder, type Row, turn } from "../kit.ts";

interface Served {
  readonly server: Server;
  readonly accepted: Recorder[];
  readonly connected: Recorder[];
}

/** A server with `count` connections. */
async function serve(loop: EventLoop, count: number): Promise<Served> {
  const accepted: Recorder[] = [];
  const server = await loop.createServer(
    () => {
      const recorder = new Recorder();
      accepted.push(recorder);
      return recorder;
    },
    { port: 0 },
  );
  const connected: Recorder[] = [];
  for (let number = 0; number < count; number++) {
    const [, recorder] = await loop.createConnection(() => new Recorder(), { port: portOf(server) });
    connected.push(recorder);
    while (accepted.length < number + 1) await turn(loop);
    await accepted[number]?.has("made");
  }
  return { server, accepted, connected };
}

function lostOf(recorders: readonly Recorder[]): Promise<unknown> {
  return Promise.all(recorders.map((recorder) => recorder.has("lost")));
}

export const serverRows: readonly Row[] = [
  {
    name: "a server makes a protocol for each connection, and counts them",
    run: (kit) =>
      kit.run(async () => {
        const { server, accepted, connected } = await serve(kit.loop, 3);
        assert.equal(new Set(accepted).size, 3);
        assert.equal(server.connections, 3);
        assert.equal(server.isServing, true);
        assert.equal(server.addresses.length, 1);
        for (const { transport } of connected) transport.close();
        await lostOf(accepted);
        assert.equal(server.connections, 0);
        server.close();
        await server.waitClosed();
      }),
  },
  {
    name: "a closed server accepts no more, and its connections go on",
    run: (kit) =>
      kit.run(async () => {
        const { server, accepted, connected } = await serve(kit.loop, 1);
        const port = portOf(server);
        server.close();
        server.close();
        assert.equal(server.isServing, false);
        assert.deepEqual(server.addresses, []);
        for (let left = 3; left > 0; left--) await turn(kit.loop);
        await assert.rejects(
          kit.loop.createConnection(() => assert.fail("no protocol for no connection"), { port }),
          { code: "ECONNREFUSED" },
        );
        connected[0]?.transport.write(Buffer.from("still here"));
        await accepted[0]?.until(() => accepted[0]?.text === "still here");
        assert.equal(server.connections, 1);
        connected[0]?.transport.close();
        await server.waitClosed();
        assert.equal(server.connections, 0);
      }),
  },
  {
    name: "waitClosed waits until the server is closed, and until its last connection has ended",
    run: (kit) =>
      kit.run(async () => {
        const { server, connected } = await serve(kit.loop, 1);
        let isOver = false;
        await taskGroup(async (group) => {
          group.spawn(async () => {
            await server.waitClosed();
            isOver = true;
          });
          await turn(kit.loop);
          connected[0]?.transport.close();
          await connected[0]?.has("lost");
          for (let left = 5; left > 0; left--) await turn(kit.loop);
          assert.equal(isOver, false, "it is not closed yet");
          server.close();
        });
        assert.equal(isOver, true);
        await server.waitClosed();
      }),
  },
  {
    name: "closeClients closes in order what is open, and abortClients at once",
    run: (kit) =>
      kit.run(async () => {
        for (const how of ["closeClients", "abortClients"] as const) {
          const { server, accepted, connected } = await serve(kit.loop, 3);
          for (const { transport } of accepted) transport.write(Buffer.from("last words"));
          server[how]();
          assert.equal(server.isServing, true);
          await lostOf([...accepted, ...connected]);
          for (const { error } of accepted) assert.equal(error, undefined);
          if (how === "closeClients") for (const { text } of connected) assert.equal(text, "last words");
          assert.equal(server.connections, 0);
          server.close();
          await server.waitClosed();
        }
      }),
  },
  {
    name: "waitClosed is cut short by a cancellation, and can be asked again",
    run: (kit) =>
      kit.run(async () => {
        const { server } = await serve(kit.loop, 1);
        server.close();
        assert.equal(await moveOnAfter(1, () => server.waitClosed().then(() => "closed")), undefined);
        await cancelScope(async (scope) => {
          scope.cancel();
          await server.waitClosed();
          assert.fail("a checkpoint throws");
        });
        server.abortClients();
        await server.waitClosed();
      }),
  },
  {
    name: "serveForever ends when the server is closed; cancelled, it closes the server",
    run: (kit) =>
      kit.run(async () => {
        const first = await kit.loop.createServer(() => new StreamProtocol(), { port: 0 });
        kit.loop.callLater(1, () => first.close());
        await first.serveForever();
        await first.serveForever();

        const second = await kit.loop.createServer(() => new StreamProtocol(), { port: 0 });
        assert.equal(await moveOnAfter(1, () => second.serveForever().then(() => "ended")), undefined);
        assert.equal(second.isServing, false);
        await second.waitClosed();
      }),
  },
  {
    name: "a server is closed at the end of its block",
    run: (kit) =>
      kit.run(async () => {
        let kept: Server;
        {
          await using server = await kit.loop.createServer(() => new StreamProtocol(), { port: 0 });
          kept = server;
        }
        assert.equal(kept.isServing, false);
        await cancelScope(async (scope) => {
          await using server = await kit.loop.createServer(() => new StreamProtocol(), { port: 0 });
          kept = server;
          scope.cancel();
        });
        assert.equal(kept.isServing, false);
        await kept.waitClosed();
      }),
  },
  {
    name: "an address that is in use is refused with the system's error",
    run: (kit) =>
      kit.run(async () => {
        await using server = await kit.loop.createServer(() => new StreamProtocol(), { port: 0 });
        await assert.rejects(
          kit.loop.createServer(() => new StreamProtocol(), { port: portOf(server) }),
          { code: "EADDRINUSE" },
        );
      }),
  },
  {
    name: "createServer in a cancelled scope opens nothing",
    run: (kit) =>
      kit.run(async () => {
        const port = await freePort(kit);
        await cancelScope(async (scope) => {
          scope.cancel();
          await kit.loop.createServer(() => new StreamProtocol(), { port });
          assert.fail("a checkpoint throws");
        });
        await sleep(2);
        await using server = await kit.loop.createServer(() => new StreamProtocol(), { port });
        assert.equal(portOf(server), port);
      }),
  },
  {
    name: "createServer that is cancelled while it waits leaves nothing open",
    run: (kit) =>
      kit.run(async () => {
        const port = await freePort(kit);
        await taskGroup(async (group) => {
          group.spawn(() => kit.loop.createServer(() => new StreamProtocol(), { port }));
          group.cancelAll();
        });
        await sleep(2);
        await using server = await kit.loop.createServer(() => new StreamProtocol(), { port });
        assert.equal(portOf(server), port);
      }),
  },
  {
    name: "a factory that gives no protocol costs its connection, and is reported",
    run: (kit) =>
      kit.run(async () => {
        const none = (() => {}) as unknown as () => StreamProtocol;
        const reports: unknown[] = [];
        kit.loop.setExceptionHandler(({ error }) => reports.push(error));
        const server = await kit.loop.createServer(none, { port: 0 });
        const client = new Recorder();
        await kit.loop
          .createConnection(() => client, { port: portOf(server) })
          .catch(() => client.connectionLost(undefined));
        await client.has("lost");
        assert.equal(reports.length, 1);
        assert.match(String(reports[0]), /TypeError: makeProtocol: expected it to give a protocol, got undefined/);
        await assert.rejects(kit.loop.createConnection(none, { port: portOf(server) }), /makeProtocol|ECONNRESET/);
        server.close();
        await server.waitClosed();
      }),
  },
];

async function freePort({ loop }: Kit): Promise<number> {
  await using server = await loop.createServer(() => new StreamProtocol(), { port: 0 });
  return portOf(server);
}
