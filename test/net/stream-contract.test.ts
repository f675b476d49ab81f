/** What our streams do beyond the contract of all streams, in memory. */
import test from "node:test";
import { networked } from "../support/network.ts";
import { withPair } from "../support/streams.ts";
import { contract } from "./stream-contract.ts";

for (const { name, body } of contract) test(name, () => networked(() => withPair(body)));

for (const seed of [1, 2, 3]) {
  test(`the whole contract holds in the order of seed ${seed}`, () =>
    networked(
      async () => {
        for (const { body } of contract) await withPair(body);
      },
      { seed },
    ));
}
