/** What our streams do beyond the contract of all streams, over TCP. */
import test from "node:test";
import { really } from "../support/real.ts";
import { withPair } from "../support/streams.ts";
import { contract } from "./stream-contract.ts";

for (const { name, body } of contract) test(name, () => really(() => withPair(body)));
