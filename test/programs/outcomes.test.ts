/**
 * Random programs of groups, scopes, shields, deadlines, stops and cancellations, whose every outcome a model foretells: how each step, task
 * and scope ended, with which error and suppressed errors, and at which moment.
 */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";
import { tieFree } from "./draw.ts";
import { effort } from "./effort.ts";
import { foretell } from "./foretell.ts";
import { Machine } from "./machine.ts";

test("property: every step of a program ends as the rules foretell, and when, in whichever order the loop draws", async () => {
  await fc.assert(
    fc.asyncProperty(tieFree, async ({ program, seed }) => {
      const foretold = foretell(program);
      fc.pre(foretold !== undefined);
      const machine = new Machine();
      const raised = await unhandledDuring(() =>
        virtually(() => machine.begin(program), seed === undefined ? {} : { seed }),
      );
      assert.deepEqual(raised, []);
      assert.deepEqual(machine.trace.sort(), foretold);
    }),
    effort(2_500),
  );
});
