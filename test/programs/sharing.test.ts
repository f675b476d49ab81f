/**
 * Random programs that share channels, locks, queues and all the rest while they are cancelled at every moment, mostly in the very one in which they are
 * woken. What they may do is not foretold; that nothing is lost, doubled, or out of order is checked at every step, and exactly whenever all
 * tasks are blocked. Some run twice and must do the same.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, currentLoop, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";
import { type Case, crowded } from "./draw.ts";
import { effort } from "./effort.ts";
import { FOR_EVER_MS, Machine } from "./machine.ts";
import { shelf } from "./shelf.ts";

async function execute({ program, seed }: Case): Promise<readonly string[]> {
  const machine = new Machine();
  const checkAtRest = async (): Promise<void> => {
    for (;;) {
      await waitAllTasksBlocked();
      for (const book of machine.books) book.checkAtRest();
      assert.ok(currentLoop().time() < FOR_EVER_MS, "the program never ends");
      await sleep(1);
    }
  };
  const raised = await unhandledDuring(() =>
    virtually(
      async () => {
        machine.books = shelf(seed !== undefined);
        await cancelScope(async (scope) => {
          await taskGroup(async (group) => {
            group.spawn(checkAtRest, { background: true });
            await machine.begin(program);
          });
          // What was abandoned ends with that, wherever it was begun.
          scope.cancel();
        });
        for (const book of machine.books) await book.checkAtEnd();
      },
      seed === undefined ? {} : { seed },
    ),
  );
  assert.deepEqual(raised, []);
  return machine.trace;
}

test("property: whatever programs do to what they share, nothing is lost, doubled or out of order; and they do it again", async () => {
  await fc.assert(
    fc.asyncProperty(crowded(shelf(false).length), async (one) => {
      const trace = await execute(one);
      if (trace.length % 4 === 0) assert.deepEqual(await execute(one), trace);
    }),
    effort(2_000),
  );
});
