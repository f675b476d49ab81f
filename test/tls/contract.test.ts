/** TLS streams keep the contract of byte streams: in memory, in several drawn orders, and with TLS 1.2. */
import test from "node:test";
import { contract } from "../net/stream-contract.ts";
import { networked } from "../support/network.ts";
import { clientContext } from "./identities.ts";
import { withTlsPair } from "./pairs.ts";

const older = { client: { context: clientContext({ maxVersion: "TLSv1.2" }) } };

for (const { name, body } of contract) {
  test(`TLS: ${name}`, () => networked(() => withTlsPair(body)));

  test(`TLS, order drawn: ${name}`, async () => {
    for (const seed of [1, 2]) await networked(() => withTlsPair(body), { seed });
  });

  test(`TLS 1.2: ${name}`, () => networked(() => withTlsPair(body, older)));
}
