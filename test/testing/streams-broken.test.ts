/** The conformance kit catches streams that break a rule, and says which: each of these is broken in one way, deliberately. */
import assert, { AssertionError } from "node:assert/strict";
import test from "node:test";
import { checkHalfCloseableStream, checkOneWayStream, checkTwoWayStream, virtualRun } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { pairOf } from "./broken-streams/broken.ts";
import { oneWay } from "./broken-streams/one-way.ts";
import { halfClose, twoWay } from "./broken-streams/two-way.ts";

for (const [check, broken] of [
  [checkOneWayStream, oneWay],
  [checkTwoWayStream, twoWay],
  [checkHalfCloseableStream, halfClose],
] as const) {
  for (const { name, change, rule, seen } of broken) {
    test(`${check.name} catches a stream that ${name}`, async () => {
      let error: unknown;
      // Streams that are broken may leave all sorts of things behind.
      await unhandledDuring(async () => {
        error = await rejection(virtualRun(() => check(pairOf(change))));
      });
      assert.ok(error instanceof AssertionError, String(error));
      const [said = "", saw = ""] = error.message.split("\nSeen: ");
      assert.ok(said.startsWith(`${check.name}: the stream breaks a rule: `), said);
      assert.match(said, rule, error.message);
      assert.match(saw, seen ?? /./);
    });
  }
}
