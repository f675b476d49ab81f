/** What is wrong with certificates, keys and options is said when they are read. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import test from "node:test";
import { inspect } from "node:util";
import { memoryPair, type TlsContextOptions, tlsClient, tlsContext, tlsServer } from "coppice/net";
import { virtually } from "../support/virtual.ts";
import { identity, pem, serverContext } from "./identities.ts";

const encrypted = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
}).privateKey;

const wrong: readonly [name: string, options: TlsContextOptions, message: RegExp][] = [
  ["a key of another certificate", { cert: pem("server"), key: pem("client-key") }, /key is not that of cert/],
  ["a key in place of a certificate", { cert: pem("server-key"), key: pem("server-key") }, /not in PEM form/],
  ["text that is no key", { cert: pem("server"), key: "secret" }, /not in PEM form/],
  ["a key that is encrypted", { cert: pem("server"), key: encrypted }, /key is encrypted: decrypt it first/],
  ["a certificate without its key", { cert: pem("server") }, /cert without key/],
  ["a key without its certificate", { key: pem("server-key") }, /key without cert/],
  ["an empty protocol", { alpnProtocols: [""] }, /alpnProtocols of 1 to 255 characters, got ""/],
  [
    "a wish that is none",
    { clientCertificates: "maybe" as "none" },
    /clientCertificates "none", "optional" or "required", got "maybe"/,
  ],
  ["client certificates that nobody may sign", { clientCertificates: "required" }, /clientCertificates without ca/],
];

for (const [name, options, message] of wrong) {
  test(`tlsContext: ${name} is a TypeError`, () => {
    assert.throws(
      () => tlsContext(options),
      (error: unknown) => {
        assert.ok(error instanceof TypeError, String(error));
        assert.match(error.message, /^tlsContext: /);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("certificates and keys may be bytes, and authorities several", () => {
  const { cert, key } = identity("server");
  const context = tlsContext({
    cert: Buffer.from(cert),
    key: new Uint8Array(Buffer.from(key)),
    ca: [pem("ca"), pem("stranger")],
  });
  assert.ok(context.hasCertificate);
});

test("a context prints without its keys", () => {
  const printed = inspect(serverContext({ alpnProtocols: ["h2"] }));
  assert.match(printed, /^TlsContext \{\s+alpnProtocols: \[ 'h2' \]/);
  assert.doesNotMatch(printed, /PRIVATE/);
});

test("who wraps a stream is told what is missing", () =>
  virtually(() => {
    const [left, right] = memoryPair();
    assert.throws(() => tlsClient(left, {} as never), /tlsClient: expected serverName.*got undefined/);
    assert.throws(() => tlsServer(right, {} as never), TypeError);
    assert.throws(
      () => tlsServer(right, { context: tlsContext() }),
      /tlsServer: the context of a server needs a certificate/,
    );
    assert.throws(() => tlsServer(right, { context: {} as never }), /made by tlsContext/);
    assert.throws(() => tlsClient(left, { serverName: "x", handshakeTimeoutMs: NaN }), RangeError);
    assert.throws(() => tlsClient(left, { serverName: "x", shutdownTimeoutMs: -1 }), /shutdownTimeoutMs/);
    left.abort();
    right.abort();
  }));
