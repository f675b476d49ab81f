/** Every kind of stream passes the conformance kit, in virtual time. */
import test from "node:test";
import { networked } from "../support/network.ts";
import { streamKinds } from "../support/stream-kinds.ts";

for (const { name, check } of streamKinds.filter(({ isReal }) => isReal !== true)) {
  test(`${name} keep the contract of streams`, () => networked(check));

  for (const seed of [1, 2, 3]) {
    test(`${name} keep it in the order of seed ${seed}`, () => networked(check, { seed }));
  }
}
