/** Every kind of stream passes the conformance kit, on the real loop. */
import test from "node:test";
import { really } from "../support/real.ts";
import { streamKinds } from "../support/stream-kinds.ts";

for (const { name, notReal, check } of streamKinds) {
  test(`${name} keep the contract of streams`, { skip: notReal ?? false }, () => really(check));
}
