/** What a cancellation makes of `sendEof`: it has told the end, or nothing. */
import { cancelScope, shield } from "../../../kernel/scopes.ts";
import { expectEof, pattern, together, transfer, turns } from "../expect.ts";
import { attempt, moments } from "../moments.ts";
import { expectCancelled } from "./cancelled-receive.ts";
import type { Ends, Rule } from "./rule.ts";

export const cancelledSendEofRules: readonly Rule[] = [
  {
    rule: "sendEof in a scope that is cancelled already throws the cancellation and has no effect",
    check: async ({ a, b }) => {
      await cancelScope(async (outer) => {
        outer.cancel();
        await expectCancelled(a.sendEof(), outer, "sendEof in a cancelled scope");
        await cancelScope(async () => {
          await expectCancelled(a.sendEof(), outer, "sendEof in a scope inside of the cancelled one");
        });
      });
      await transfer(a, b, pattern(10));
      await together(expectEof(b, "after sendEof at the other side"), a.sendEof());
    },
  },
  {
    rule: "a shielded sendEof works in a scope that is cancelled",
    check: async ({ a, b }) => {
      const ending = cancelScope(async (scope) => {
        scope.cancel();
        await shield(() => a.sendEof());
      });
      await together(expectEof(b, "after sendEof at the other side"), ending);
    },
  },
  // A direction ends once, so each moment is a check of its own.
  ...moments
    .filter((_, index) => index % 4 === 0)
    .map((moment) => ({
      rule: `a sendEof that is cancelled ${moment.name} has told the end, or throws and has told nothing`,
      check: async ({ a, b }: Ends): Promise<void> => {
        const ended = await attempt(moment, () => a.sendEof());
        await turns(2);
        if (ended === undefined) await transfer(a, b, pattern(10));
        else await expectEof(b, "after sendEof at the other side");
        await transfer(b, a, pattern(10));
      },
    })),
];
