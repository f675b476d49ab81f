/** TLS over real sockets keeps the contract of byte streams, and gives everything back. */
import test from "node:test";
import { contract } from "../net/stream-contract.ts";
import { really } from "../support/real.ts";
import { withTlsPair } from "./pairs.ts";

/** A peer of a test that does not read is not waited for long. */
const quick = { shutdownTimeoutMs: 50 };

for (const { name, body } of contract) {
  test(`TLS over TCP: ${name}`, () => really(() => withTlsPair(body, { client: quick, server: quick })));
}
