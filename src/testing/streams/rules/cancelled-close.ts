/** What a cancellation makes of closing: it closes all the same, and drops what was not flushed. */
import { isCancelled } from "../../../kernel/errors.ts";
import { cancelScope, moveOnAfter, shield } from "../../../kernel/scopes.ts";
import { fillUp } from "../clog.ts";
import type { End } from "../end.ts";
import { expectBytes, outcome, pattern, readToAnyEnd, readToEnd, together, transfer } from "../expect.ts";
import { describe, finding } from "../finding.ts";
import { attempt, type Moment, moments } from "../moments.ts";
import { expectClosedReceiver, expectClosedSender } from "./closing.ts";
import type { Ends, Rule } from "./rule.ts";

/** A pair closes once, so each moment is a check of its own. */
const someMoments: readonly Moment[] = moments.filter((_, index) => index % 4 === 0);

export const cancelledCloseRules: readonly Rule[] = [
  {
    rule: "close closes also in a scope that is cancelled already",
    check: async ({ a, b }) => {
      for (const end of [a, b])
        await closeCancelled(end, (close) => cancelScope((scope) => close(() => scope.cancel())));
      await expectClosedSender(a, "after a close that was cancelled before it began");
      await expectClosedReceiver(b, "after a close that was cancelled before it began");
    },
  },
  {
    rule: "close closes also when its deadline has passed",
    check: async ({ a, b }) => {
      for (const end of [a, b]) await closeCancelled(end, (close) => moveOnAfter(0, () => close(() => {})));
      await expectClosedSender(a, "after a close whose deadline had passed");
      await expectClosedReceiver(b, "after a close whose deadline had passed");
    },
  },
  {
    rule: "a close that is cancelled while it flushes drops the rest and ends the stream",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const sent = await fillUp(a);
      await cancelScope(async (scope) => {
        const closing = outcome(a.close());
        scope.cancel();
        const { error } = await closing;
        if (error !== undefined && !isCancelled(error)) throw error;
      });
      await expectClosedSender(a, "after a close that was cancelled");
      await a.close();
      const { bytes } = await readToAnyEnd(b);
      expectBytes(bytes, pattern(Math.min(bytes.length, sent)), `what ${b.name} received`);
    },
  },
  ...someMoments.map((moment) => ({
    rule: `a close that is cancelled ${moment.name} has closed, and the other side hears of the end`,
    check: async ({ a, b }: Ends): Promise<void> => {
      const reading = readToAnyEnd(b);
      await together(
        attempt(moment, () => a.close()),
        reading,
      );
      await expectClosedSender(a, "after a close that was cancelled");
      await attempt(moment, () => b.close());
      await expectClosedReceiver(b, "after a close that was cancelled");
    },
  })),
  {
    rule: "a close in a scope inside of a cancelled one throws the outer cancellation, if any, and closes",
    check: async ({ a, b }) => {
      for (const end of [a, b]) {
        await cancelScope(async (outer) => {
          outer.cancel();
          await cancelScope(async () => {
            const { error } = await outcome(end.close());
            if (error !== undefined && !(isCancelled(error) && error.scope === outer)) throw error;
          });
        });
      }
      await expectClosedSender(a, "after a close that was cancelled from outside");
      await expectClosedReceiver(b, "after a close that was cancelled from outside");
    },
  },
  {
    rule: "a shielded close in a cancelled scope flushes what was sent",
    check: async ({ a, b }) => {
      const sending = async (): Promise<void> => {
        await a.send(pattern(1_000));
        await cancelScope(async (scope) => {
          scope.cancel();
          await shield(() => a.close());
        });
      };
      const [bytes] = await together(readToEnd(b), sending());
      expectBytes(bytes, pattern(1_000), `what ${b.name} received`);
    },
  },
  {
    rule: "a stream that was used, and whose waits were cancelled, still closes in order",
    check: async ({ a, b }) => {
      await transfer(a, b, pattern(100));
      await cancelScope(async (scope) => {
        const waits = [outcome(b.receive()), outcome(a.send(pattern(100)))];
        scope.cancel();
        await Promise.all(waits);
      });
      await together(readToAnyEnd(b), a.close());
      await b.close();
    },
  },
];

/** A close that is cancelled from the start may throw that or not; it may not fail otherwise. */
async function closeCancelled(
  end: End,
  within: (close: (cancel: () => void) => Promise<void>) => Promise<unknown>,
): Promise<void> {
  await within(async (cancel) => {
    cancel();
    const { error } = await outcome(end.close());
    if (error !== undefined && !isCancelled(error)) {
      finding(`close() at ${end.name}, cancelled before it began, failed with ${describe(error)}`, error);
    }
  });
}
