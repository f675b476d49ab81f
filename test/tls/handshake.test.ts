/** What a handshake agrees on, and what it refuses. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, currentLoop, taskGroup } from "coppice";
import { type TlsClientOptions, TlsError, type TlsFailureReason, type TlsServerOptions, tlsContext } from "coppice/net";
import { networked } from "../support/network.ts";
import { rejection } from "../support/rejection.ts";
import { readAll } from "../support/streams.ts";
import { clientContext, identity, pem, serverContext } from "./identities.ts";
import { shakeHands, withNewTlsPair, withTlsPair } from "./pairs.ts";

interface Sides {
  readonly client?: Partial<TlsClientOptions>;
  readonly server?: Partial<TlsServerOptions>;
}

/** How each side sees a connection that cannot come about. The server waits for bytes, as one does. */
async function refused(sides: Sides): Promise<{ client: TlsError | undefined; server: BrokenError }> {
  return networked(() =>
    withNewTlsPair(async (client, server) => {
      let seen: unknown;
      let heard: unknown;
      await taskGroup(async (group) => {
        group.spawn(async () => {
          heard = await rejection(server.receive());
          await server.close();
        });
        seen = await client.handshake().catch((error: unknown) => error);
        // By TLS 1.3 the client may be through before the server has looked at its certificate; it is told at the first use.
        if (!(seen instanceof Error)) seen = await rejection(client.receive());
        await client.close();
      });
      assert.ok(seen === undefined || seen instanceof TlsError, String(seen));
      assert.ok(heard instanceof BrokenError, String(heard));
      return { client: seen as TlsError | undefined, server: heard };
    }, sides),
  );
}

function assertReason(error: Error | undefined, reason: TlsFailureReason, message: RegExp): void {
  assert.ok(error instanceof TlsError, String(error));
  assert.equal(error.reason, reason, error.message);
  assert.match(error.message, message);
}

test("both ends know what they agreed on", () =>
  networked(() =>
    withTlsPair(async (client, server) => {
      const [ours, theirs] = [await client.handshake(), await server.handshake()];
      assert.equal(ours.version, "TLSv1.3");
      assert.match(ours.cipher, /^TLS_/);
      assert.equal(theirs.cipher, ours.cipher);
      assert.equal(ours.peerCertificate?.subject, "CN=server");
      assert.equal(theirs.peerCertificate, undefined);
      assert.equal(ours.serverName, "localhost");
      assert.equal(theirs.serverName, "localhost");
      assert.equal(ours.alpnProtocol, undefined);
      assert.equal(client.session, ours);
    }),
  ));

test("nothing is agreed on before the handshake", () =>
  networked(() =>
    withNewTlsPair((client, server) => {
      assert.equal(client.session, undefined);
      assert.equal(server.session, undefined);
    }),
  ));

test("the first use does the handshake, whichever it is", () =>
  networked(() =>
    withNewTlsPair(async (client, server) => {
      await taskGroup(async (group) => {
        group.spawn(async () => {
          await server.sendEof();
          assert.equal(String(await readAll(server)), "hello");
        });
        group.spawn(() => client.send(Buffer.from("hello")));
        assert.equal(await client.receive(), undefined);
        await client.sendEof();
      });
    }),
  ));

test("a handshake takes no virtual time, and does not look like a deadlock", () =>
  networked(() =>
    withNewTlsPair(async (client, server) => {
      const before = currentLoop().time();
      await shakeHands(client, server);
      assert.equal(currentLoop().time(), before);
    }),
  ));

test("one end may ask for the handshake from several tasks", () =>
  networked(() =>
    withNewTlsPair(async (client, server) => {
      await taskGroup(async (group) => {
        for (let index = 0; index < 3; index++) group.spawn(() => client.handshake());
        group.spawn(() => server.handshake());
        group.spawn(() => server.send(Buffer.from("x")));
        assert.equal((await client.receive())?.length, 1);
      });
    }),
  ));

test("ALPN: the server's preference among what both speak", () =>
  networked(() =>
    withTlsPair(
      (client, server) => {
        assert.equal(client.session?.alpnProtocol, "h2");
        assert.equal(server.session?.alpnProtocol, "h2");
      },
      {
        client: { context: clientContext({ alpnProtocols: ["http/1.1", "h2", "x"] }) },
        server: { context: serverContext({ alpnProtocols: ["y", "h2", "http/1.1"] }) },
      },
    ),
  ));

test("ALPN: none in common fails the handshake on both ends", async () => {
  const { client, server } = await refused({
    client: { context: clientContext({ alpnProtocols: ["h2"] }) },
    server: { context: serverContext({ alpnProtocols: ["http/1.1"] }) },
  });
  assertReason(client, "no-common-protocol", /no application protocol in common: see alpnProtocols/);
  assertReason(server, "no-common-protocol", /alpnProtocols/);
});

test("ALPN: offered by one side only, none is agreed on", () =>
  networked(() =>
    withTlsPair((client) => assert.equal(client.session?.alpnProtocol, undefined), {
      client: { context: clientContext({ alpnProtocols: ["h2"] }) },
    }),
  ));

for (const [how, serverNames] of [
  ["by name", { "second.test": tlsContext(identity("second")), "*.wild.test": tlsContext(identity("second")) }],
  ["by a function", (name: string) => (name.endsWith(".test") ? tlsContext(identity("second")) : undefined)],
] as const) {
  test(`SNI: the certificate is chosen ${how}, and for other names it is the first`, async () => {
    const server = { context: serverContext({ serverNames }) };
    for (const [serverName, subject] of [
      ["second.test", "CN=second"],
      ["a.wild.test", "CN=second"],
      ["localhost", "CN=server"],
      ["127.0.0.1", "CN=server"],
    ] as const) {
      await networked(() =>
        withTlsPair((client) => assert.equal(client.session?.peerCertificate?.subject, subject), {
          client: { serverName },
          server,
        }),
      );
    }
  });
}

test("SNI: an address is verified, and not asked for", () =>
  networked(() =>
    withTlsPair(
      (client, server) => {
        assert.equal(server.session?.serverName, undefined);
        assert.equal(client.session?.serverName, undefined);
      },
      { client: { serverName: "127.0.0.1" } },
    ),
  ));

test("a certificate for another name is refused by the client", async () => {
  const { client } = await refused({ client: { serverName: "other.test" } });
  assertReason(client, "host-mismatch", /other\.test.*DNS:localhost/);
});

test("a certificate that has expired is refused by the client", async () => {
  const { client } = await refused({ server: { context: tlsContext(identity("expired")) } });
  assertReason(client, "certificate-expired", /has expired.*CERT_HAS_EXPIRED/);
});

test("a certificate of an unknown authority is refused by the client", async () => {
  for (const context of [clientContext({ ca: pem("stranger") }), undefined]) {
    // Without a context the public authorities are trusted, and ours is none of them.
    const { client } = await refused({ client: { context: context ?? tlsContext() } });
    assertReason(client, "certificate-untrusted", /name the authority in ca/);
    assert.ok(client?.opensslCode);
  }
});

test("nothing in the environment turns verification off", async () => {
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    const { client } = await refused({ client: { serverName: "other.test" } });
    assertReason(client, "host-mismatch", /other\.test/);
  } finally {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  }
});

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  const asking = (clientCertificates: "required" | "optional") => ({
    context: serverContext({ clientCertificates, ca: pem("ca"), maxVersion }),
  });

  test(`${maxVersion}: a client certificate that is required, and shown, is known to the server`, () =>
    networked(() =>
      withTlsPair((_client, server) => assert.equal(server.session?.peerCertificate?.subject, "CN=client"), {
        client: { context: clientContext(identity("client")) },
        server: asking("required"),
      }),
    ));

  test(`${maxVersion}: a client certificate that is required, and missing, fails on both ends`, async () => {
    const { client, server } = await refused({ server: asking("required") });
    assertReason(server, "client-certificate-required", /give cert and key to the client's tlsContext/);
    // By TLS 1.2 the alert has no name of its own.
    if (maxVersion === "TLSv1.3") assertReason(client, "client-certificate-required", /certificate of the client/);
    else assertReason(client, "handshake-refused", /could not agree/);
  });

  for (const how of ["required", "optional"] as const) {
    test(`${maxVersion}: a client certificate of a stranger is refused where it is ${how}`, async () => {
      const { client, server } = await refused({
        client: { context: clientContext(identity("stranger-client")) },
        server: asking(how),
      });
      assertReason(server, "certificate-untrusted", /name the authority in ca/);
      assert.ok(client instanceof TlsError);
    });
  }

  test(`${maxVersion}: a client certificate that is optional may be missing`, () =>
    networked(() =>
      withTlsPair((_client, server) => assert.equal(server.session?.peerCertificate, undefined), {
        server: asking("optional"),
      }),
    ));
}

test("no version in common fails on both ends", async () => {
  const { client, server } = await refused({
    client: { context: clientContext({ maxVersion: "TLSv1.2" }) },
    server: { context: serverContext({ minVersion: "TLSv1.3" }) },
  });
  assertReason(client, "protocol-version", /minVersion and maxVersion/);
  assertReason(server, "protocol-version", /minVersion and maxVersion/);
});

test("what failed stays failed, for every use, with the same reason", () =>
  networked(() =>
    withNewTlsPair(
      async (client, server) => {
        await taskGroup(async (group) => {
          group.spawn(() => rejection(server.handshake()));
          const first = await rejection(client.handshake());
          for (const use of [
            () => client.handshake(),
            () => client.receive(),
            () => client.send(Buffer.from("x")),
            () => client.sendEof(),
          ]) {
            const error = await rejection(use());
            assert.ok(error instanceof TlsError && error !== first);
            assert.equal(error.reason, "host-mismatch");
          }
          assert.equal(client.trySend(Buffer.from("x")), false);
          await client.close();
        });
      },
      { client: { serverName: "other.test" } },
    ),
  ));
