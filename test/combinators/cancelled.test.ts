/** What holds for every combinator that is cancelled from outside; what is particular to one stands in its own file. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  all,
  allSettled,
  any,
  asCompleted,
  cancelScope,
  map,
  race,
  retry,
  Schedule,
  select,
  shield,
  sleep,
  sleepForever,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { virtually } from "../support/virtual.ts";

type Work = () => Promise<unknown>;

/** Each combinator around one function, and what it makes of the value "value". */
const combinators: Record<string, { readonly around: (fn: Work) => PromiseLike<unknown>; readonly gives: unknown }> = {
  all: { around: (fn) => all([fn]), gives: ["value"] },
  allSettled: { around: (fn) => allSettled([fn]), gives: [{ status: "fulfilled", value: "value" }] },
  any: { around: (fn) => any([fn]), gives: "value" },
  asCompleted: { around: (fn) => Array.fromAsync(asCompleted([fn])), gives: ["value"] },
  map: { around: (fn) => map([0], fn), gives: ["value"] },
  race: { around: (fn) => race([fn]), gives: "value" },
  retry: { around: (fn) => retry(fn, Schedule.fixed(1)), gives: "value" },
  select: { around: (fn) => select({ only: fn }), gives: { key: "only", value: "value" } },
};

for (const [name, { around, gives }] of Object.entries(combinators)) {
  test(`${name}: cancelled from outside, it throws that when the cleanup of its functions is over`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        let cleaned = false;
        const waiting = attempt(group, () =>
          around(async () => {
            try {
              await sleepForever();
            } finally {
              await shield(() => sleep(10));
              cleaned = true;
            }
          }),
        );
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        assert.equal(cleaned, true);
      }),
    ));

  test(`${name}: a cancellation passes scopes and others of its kind in between, and stops at a shield`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const shielded = attempt(group, () => shield(() => around(() => sleep(10).then(() => "value"))));
        const nested = attempt(group, () => cancelScope(() => around(async () => await around(sleepForever))));
        await waitAllTasksBlocked();
        shielded.scope.cancel();
        nested.scope.cancel();
        await nested.over;
        assert.equal(nested.outcome, "cancelled");
        assert.equal(shielded.outcome, "pending");
        await shielded.over;
        assert.deepEqual(shielded.outcome, gives);
        assert.equal(shielded.didNextThrow, true);
      }),
    ));
}
