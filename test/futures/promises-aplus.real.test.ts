/** Futures as promises: the compliance suite of Promises/A+, which is a program of its own, run as one. */
import assert from "node:assert/strict";
import test from "node:test";
import { startFile } from "../support/program.ts";

test("rule 17: a future passes the compliance suite of Promises/A+", async () => {
  await using suite = startFile("test/futures/promises-aplus-adapter.ts");
  const { code, stdout, stderr } = await suite.ended;
  assert.match(stdout, /872 passing/, stdout.slice(-4_000) + stderr);
  assert.equal(code, 0);
});
