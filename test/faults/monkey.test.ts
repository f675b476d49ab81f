/** The monkey in virtual time: the seed draws what it does and in which order things happen, and tells a failure again. */
import assert from "node:assert/strict";
import test from "node:test";
import { withTimeout } from "coppice";
import { faultKinds } from "../support/faults-kinds.ts";
import { networked } from "../support/network.ts";
import { monkey } from "./monkey.ts";

const SEEDS = 500;
/** A handshake costs as much as some hundred connections. */
const TLS_SEEDS = 60;
const LONGEST_MS = 10_000;

for (const kind of faultKinds) {
  const isTls = kind.name.startsWith("TLS");
  const count = isTls ? TLS_SEEDS : SEEDS;
  test(`${kind.name}: whatever the monkey does with ${count} seeds, what must hold holds`, async () => {
    for (let seed = 1; seed <= count; seed++) {
      try {
        await networked(() => withTimeout(LONGEST_MS, () => monkey(kind)), { seed });
      } catch (error) {
        assert.fail(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
  });
}
