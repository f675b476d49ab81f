/** Connections that become TLS connections on the way. */
import assert from "node:assert/strict";
import { ClosedError, cancelScope, InvalidStateError, moveOnAfter, taskGroup } from "coppice";
import type { StreamTransport, TlsSession } from "coppice/loop";
import { TlsError } from "coppice/net";
import { clientContext, serverContext } from "../../tls/identities.ts";
import { withConnection } from "../connected.ts";
import { type Kit, Recorder, type Row } from "../kit.ts";

const SERVER_NAME = "localhost";

async function secure({ loop }: Kit, client: Recorder, server: Recorder): Promise<void> {
  await taskGroup(async (group) => {
    const isServer = true;
    group.spawn(() => loop.startTls(server.transport, server, { isServer, context: serverContext() }));
    await loop.startTls(client.transport, client, { serverName: SERVER_NAME, context: clientContext() });
  });
}

function sessionOf({ transport }: Recorder): TlsSession | undefined {
  return transport.tlsSession;
}

export const startTlsRows: readonly Row[] = [
  {
    name: "a connection becomes TLS, with the same transports and protocols, and ends in order",
    run: (kit) =>
      withConnection(kit, async ({ client, server, listening }) => {
        client.transport.write(Buffer.from("STARTTLS"));
        await server.until(() => server.text === "STARTTLS");
        assert.equal(sessionOf(client), undefined);
        await secure(kit, client, server);
        assert.match(sessionOf(client)?.cipher ?? "", /^TLS_/);
        assert.equal(listening.connections, 1);
        client.transport.write(Buffer.from(" sealed"));
        await server.until(() => server.text === "STARTTLS sealed");
        server.transport.write(Buffer.from("answer"));
        await client.until(() => client.text === "answer");
        client.transport.close();
        await Promise.all([client.has("lost"), server.has("lost")]);
        assert.deepEqual(client.log, ["made", "data", "lost"]);
        assert.deepEqual(server.log, ["made", "data", "eof", "lost"]);
        assert.deepEqual([client.error, server.error], [undefined, undefined]);
      }),
  },
  {
    name: "a handshake that fails ends the connection, and both protocols are told once",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        server.keepsOpen = true;
        const upgrading = kit.loop.startTls(client.transport, client, {
          serverName: SERVER_NAME,
          context: clientContext(),
        });
        server.transport.write(Buffer.from("this is no TLS, whatever it may be"));
        await assert.rejects(upgrading, TlsError);
        await client.has("lost");
        await server.has("eof");
        assert.ok(client.error !== undefined);
        assert.equal(client.count("lost"), 1);
      }),
  },
  {
    name: "nothing can be written while a connection becomes TLS, and startTls that is cancelled aborts it",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        const options = { serverName: SERVER_NAME, context: clientContext() };
        server.transport.pauseReading();
        await moveOnAfter(2, async () => {
          const upgrading = kit.loop.startTls(client.transport, client, options);
          assert.throws(() => client.transport.write(Buffer.from("plain")), InvalidStateError);
          assert.throws(() => client.transport.writeEof(), InvalidStateError);
          await assert.rejects(kit.loop.startTls(client.transport, client, options), InvalidStateError);
          await upgrading;
        });
        await client.has("lost");
        server.transport.resumeReading();
        await server.has("lost");
      }),
  },
  {
    name: "startTls in a cancelled scope does nothing, and refuses a transport that is closing, and one that is none",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        const options = { serverName: SERVER_NAME, context: clientContext() };
        const other = new Recorder();
        await cancelScope(async (scope) => {
          scope.cancel();
          await kit.loop.startTls(client.transport, other, options);
        });
        assert.equal(client.transport.protocol, client);
        client.transport.close();
        await assert.rejects(kit.loop.startTls(client.transport, other, options), ClosedError);
        await assert.rejects(kit.loop.startTls({} as StreamTransport, client, options), TypeError);
        await server.has("lost");
      }),
  },
  {
    name: "another protocol may serve what is sealed, and one that throws there costs its connection",
    run: (kit) => {
      kit.loop.setExceptionHandler(() => {});
      return withConnection(kit, async ({ client, server }) => {
        const failure = new Error("thrown by the protocol");
        class Failing extends Recorder {
          override dataReceived(): void {
            throw failure;
          }
        }
        const inner = new Failing();
        await taskGroup(async (group) => {
          const options = { isServer: true, context: serverContext() } as const;
          group.spawn(() => kit.loop.startTls(server.transport, inner, options));
          await kit.loop.startTls(client.transport, client, { serverName: SERVER_NAME, context: clientContext() });
        });
        client.transport.write(Buffer.from("boom"));
        await inner.has("lost");
        assert.equal(inner.error, failure);
        await client.has("lost");
        server.transport.abort();
        server.log.push("lost");
      });
    },
  },
];
