/** Callbacks of protocols that throw: their connection ends, the handler is told, others go on. */
import assert from "node:assert/strict";
import type { ExceptionContext } from "coppice/loop";
import { withConnection } from "../connected.ts";
import { type Kit, portOf, Recorder, type Row } from "../kit.ts";

/** Throws when it is told of `event`. */
class Failing extends Recorder {
  readonly failure = new Error("thrown by the protocol");
  readonly #event: string;

  constructor(event: string) {
    super();
    this.#event = event;
  }

  protected override note(event: string): void {
    super.note(event);
    if (event === this.#event) throw this.failure;
  }
}

function told(kit: Kit): ExceptionContext[] {
  const contexts: ExceptionContext[] = [];
  kit.loop.setExceptionHandler((context) => contexts.push(context));
  return contexts;
}

/** A connection that the server aborts at once: the system may tell of that before it tells that the connection was made. */
async function connectAndLose({ loop }: Kit, port: number): Promise<void> {
  try {
    const [, client] = await loop.createConnection(() => new Recorder(), { port });
    await client.has("lost");
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ECONNRESET");
  }
}

function failureIn(event: string, callback: string, provoke: (client: Recorder, server: Recorder) => void): Row {
  return {
    name: `a ${callback} that throws costs its connection`,
    run: (kit) => {
      const contexts = told(kit);
      const server = new Failing(event);
      return withConnection(
        kit,
        async ({ client }) => {
          provoke(client, server);
          await Promise.all([server.has("lost"), client.has("lost")]);
          assert.equal(server.error, server.failure);
          assert.deepEqual(contexts, [
            {
              message: `${callback} of Failing threw: its connection is aborted`,
              error: server.failure,
              source: server.transport,
            },
          ]);
        },
        { server },
      );
    },
  };
}

export const faultRows: readonly Row[] = [
  {
    name: "a connectionMade that throws costs its connection",
    run: (kit) =>
      kit.run(async () => {
        const contexts = told(kit);
        const accepted = new Failing("made");
        const server = await kit.loop.createServer(() => accepted, { port: 0 });
        await connectAndLose(kit, portOf(server));
        await accepted.has("lost");
        assert.deepEqual(accepted.log, ["made", "lost"]);
        assert.equal(accepted.error, accepted.failure);
        assert.deepEqual(
          contexts.map(({ error }) => error),
          [accepted.failure],
        );
        server.close();
        await server.waitClosed();
      }),
  },
  failureIn("data", "dataReceived", (client) => client.transport.write(Buffer.from("boom"))),
  failureIn("eof", "eofReceived", (client) => client.transport.writeEof()),
  failureIn("pause", "pauseWriting", (client, server) => {
    client.transport.pauseReading();
    server.transport.write(new Uint8Array(20_000_000));
    client.transport.resumeReading();
  }),
  {
    name: "a connectionLost that throws is told",
    run: (kit) => {
      const contexts = told(kit);
      const server = new Failing("lost");
      return withConnection(
        kit,
        async ({ client, listening }) => {
          client.transport.close();
          listening.close();
          await listening.waitClosed();
          assert.deepEqual(
            contexts.map(({ message, error }) => [message, error]),
            [["connectionLost of Failing threw", server.failure]],
          );
        },
        { server },
      );
    },
  },
  {
    name: "what is thrown and is no error becomes one for connectionLost",
    run: (kit) => {
      const contexts = told(kit);
      class Odd extends Recorder {
        override dataReceived(): void {
          throw "a string";
        }
      }
      const server = new Odd();
      return withConnection(
        kit,
        async ({ client }) => {
          client.transport.write(Buffer.from("boom"));
          await server.has("lost");
          assert.match(String(server.error), /dataReceived threw a string/);
          assert.equal(contexts[0]?.error, "a string");
          await client.has("lost");
        },
        { server },
      );
    },
  },
  {
    name: "a connection whose protocol cannot be made is aborted, and the server goes on",
    run: (kit) =>
      kit.run(async () => {
        const contexts = told(kit);
        const failure = new Error("no protocol");
        const accepted = new Recorder();
        let isFirst = true;
        const server = await kit.loop.createServer(
          () => {
            if (!isFirst) return accepted;
            isFirst = false;
            throw failure;
          },
          { port: 0 },
        );
        await connectAndLose(kit, portOf(server));
        assert.deepEqual(
          contexts.map(({ error }) => error),
          [failure],
        );
        assert.equal(server.connections, 0);
        const [transport] = await kit.loop.createConnection(() => new Recorder(), { port: portOf(server) });
        await accepted.has("made");
        transport.close();
        server.close();
        await server.waitClosed();
      }),
  },
  {
    name: "createConnection throws what the maker of its protocol does, and leaves nothing open",
    run: (kit) =>
      kit.run(async () => {
        const accepted = new Recorder();
        const server = await kit.loop.createServer(() => accepted, { port: 0 });
        const failure = new Error("no protocol");
        await assert.rejects(
          kit.loop.createConnection(
            () => {
              throw failure;
            },
            { port: portOf(server) },
          ),
          (error) => error === failure,
        );
        server.close();
        await server.waitClosed();
      }),
  },
  {
    name: "one failing connection leaves the others alone",
    run: (kit) =>
      kit.run(async () => {
        told(kit);
        const accepted = [new Failing("data"), new Recorder()];
        let next = 0;
        const server = await kit.loop.createServer(() => accepted[next++] as Recorder, { port: 0 });
        const [bad] = await kit.loop.createConnection(() => new Recorder(), { port: portOf(server) });
        await accepted[0]?.has("made");
        const [good] = await kit.loop.createConnection(() => new Recorder(), { port: portOf(server) });
        bad.write(Buffer.from("boom"));
        await accepted[0]?.has("lost");
        good.write(Buffer.from("fine"));
        await accepted[1]?.until(() => accepted[1]?.text === "fine");
        good.close();
        server.close();
        await server.waitClosed();
      }),
  },
];
