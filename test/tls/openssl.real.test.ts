/** OpenSSL at the other end: its client, its server, updated keys, refused renegotiation. */
import assert from "node:assert/strict";
import test from "node:test";
import { until } from "coppice";
import { listenTls, openTls, TlsError, type TlsStream } from "coppice/net";
import { really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";
import { readBytes } from "../support/streams.ts";
import { clientContext, identity, pem, serverContext } from "./identities.ts";
import { freePort, Openssl, skip } from "./openssl.ts";

const trusting = clientContext();

/** A server of ours that echoes, one of its clients by OpenSSL, and its end of the connection. */
async function withClient(
  args: readonly string[],
  body: (client: Openssl, stream: TlsStream) => Promise<void>,
  context = serverContext({ alpnProtocols: ["echo"] }),
): Promise<void> {
  await really(async () => {
    await using listener = await listenTls({ port: 0, context, shutdownTimeoutMs: 200 });
    const { port } = listener.address;
    const client = new Openssl("s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", "ca.pem", ...args);
    try {
      await using stream = await listener.accept();
      await body(client, stream);
    } finally {
      await until(client.kill());
    }
  });
}

async function echoOnce(stream: TlsStream, count: number): Promise<string> {
  const bytes = await readBytes(stream as never, count);
  await stream.send(bytes);
  return String(bytes);
}

for (const version of ["-tls1_3", "-tls1_2"]) {
  test(`s_client ${version} verifies us, agrees on ALPN, and is echoed`, { skip }, () =>
    withClient(
      [version, "-verify_return_error", "-servername", "localhost", "-alpn", "echo", "-quiet", "-no_ign_eof"],
      async (client, stream) => {
        client.type("hello there\n");
        assert.equal(await echoOnce(stream, 12), "hello there\n");
        assert.equal(stream.session?.alpnProtocol, "echo");
        assert.equal(stream.session?.serverName, "localhost");
        await until(client.heard(/hello there/));
        client.child.stdin.end();
        assert.equal(await stream.receive(), undefined, "it ends with close_notify");
      },
    ),
  );
}

test("s_client updates its keys, and asks for ours to be: data goes on both ways", { skip }, () =>
  withClient(["-tls1_3"], async (client, stream) => {
    client.type("before\n");
    assert.equal(await echoOnce(stream, 7), "before\n");
    await until(client.heard(/before/));
    for (const command of ["K\n", "k\n", "K\n"]) {
      client.type(command);
      await until(client.heard(/KEYUPDATE/));
      client.output = "";
      client.type("after\n");
      assert.equal(await echoOnce(stream, 6), "after\n");
      await until(client.heard(/after/));
    }
  }),
);

test("s_client asks for renegotiation by TLS 1.2: it is declined", { skip }, () =>
  withClient(["-tls1_2"], async (client, stream) => {
    client.type("before\n");
    assert.equal(await echoOnce(stream, 7), "before\n");
    client.type("R\n");
    // OpenSSL gives the connection up when it is declined.
    const end = await stream.receive().catch((error: unknown) => error);
    assert.ok(end === undefined || end instanceof TlsError, String(end));
    await until(client.heard(/no renegotiation/));
  }),
);

test("s_client without a certificate, where one is required, is told so", { skip }, () =>
  withClient(
    ["-tls1_3"],
    async (client, stream) => {
      const error = await rejection(stream.handshake());
      assert.ok(error instanceof TlsError);
      assert.equal(error.reason, "client-certificate-required");
      await stream.close();
      await until(client.heard(/alert certificate required/));
    },
    serverContext({ clientCertificates: "required", ca: pem("ca") }),
  ),
);

test("s_client with a certificate is known by it", { skip }, () =>
  withClient(
    ["-cert", "client.pem", "-key", "client-key.pem"],
    async (_client, stream) => {
      assert.equal((await stream.handshake()).peerCertificate?.subject, "CN=client");
    },
    serverContext({ clientCertificates: "required", ca: pem("ca") }),
  ),
);

test("s_client that is killed is a lost connection, or a truncated one", { skip }, () =>
  withClient([], async (client, stream) => {
    client.type("x\n");
    await echoOnce(stream, 2);
    await until(client.kill());
    const error = await rejection(readBytes(stream as never, 1_000));
    assert.ok(error instanceof Error && error.name !== "AbortError");
    assert.match(error.message, /truncated|ECONNRESET/);
  }),
);

/** Runs OpenSSL's server, and gives its port. */
async function withServer(
  args: readonly string[],
  body: (port: number, server: Openssl) => Promise<void>,
): Promise<void> {
  await really(async () => {
    const port = await until(freePort());
    const server = new Openssl(
      "s_server",
      "-accept",
      `127.0.0.1:${port}`,
      "-cert",
      "server.pem",
      "-key",
      "server-key.pem",
      ...args,
    );
    try {
      await until(server.heard(/ACCEPT/));
      await body(port, server);
    } finally {
      await until(server.kill());
    }
  });
}

test("s_server is verified, answers, and hears our end", { skip }, () =>
  withServer(["-rev"], async (port) => {
    await using stream = await openTls({ host: "127.0.0.1", port, context: trusting });
    await stream.send(Buffer.from("abc\n"));
    assert.equal(String(await readBytes(stream, 4)), "cba\n");
    await stream.sendEof();
    assert.equal(await stream.receive(), undefined);
  }),
);

test("s_server chooses by ALPN, and knows a client's certificate", { skip }, () =>
  withServer(["-alpn", "b,c", "-Verify", "1", "-CAfile", "ca.pem", "-verify_return_error", "-rev"], async (port) => {
    const context = clientContext({ ...identity("client"), alpnProtocols: ["a", "b"] });
    await using stream = await openTls({ host: "127.0.0.1", port, context });
    assert.equal(stream.session?.alpnProtocol, "b");
    await stream.send(Buffer.from("ab\n"));
    assert.equal(String(await readBytes(stream, 3)), "ba\n");
  }),
);

test("s_server that requires a certificate tells a client that has none", { skip }, () =>
  withServer(["-Verify", "1", "-CAfile", "ca.pem", "-verify_return_error"], async (port) => {
    const error = await rejection(
      (async () => {
        await using stream = await openTls({ host: "127.0.0.1", port, context: trusting, shutdownTimeoutMs: 50 });
        await stream.receive();
      })(),
    );
    assert.ok(error instanceof TlsError, String(error));
    assert.equal(error.reason, "client-certificate-required");
  }),
);
