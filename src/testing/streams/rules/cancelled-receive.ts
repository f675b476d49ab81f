/** What a cancellation makes of receiving: a receive that was cut short has taken nothing, and one that was not has its bytes. */

import type { CancelScope } from "../../../kernel/cancel-scope.ts";
import { type Cancelled, isCancelled } from "../../../kernel/errors.ts";
import { cancelScope, moveOnAfter, shield } from "../../../kernel/scopes.ts";
import type { End } from "../end.ts";
import { expectBytes, joined, outcome, pattern, readExactly, together, transfer, turns } from "../expect.ts";
import { describe, finding } from "../finding.ts";
import { type Attempt, attempt, moments } from "../moments.ts";
import type { Rule } from "./rule.ts";

const ways: readonly { readonly what: string; receive(end: End): Promise<Uint8Array | undefined> }[] = [
  { what: "receive", receive: (end) => end.receive() },
  { what: "a step of an iteration", receive: (end) => end.iterate().next() },
];

export const cancelledReceiveRules: readonly Rule[] = [
  {
    rule: "a receive in a scope that is cancelled already throws the cancellation and takes nothing",
    check: async ({ a, b }) => {
      for (const { what, receive } of ways) {
        const sending = a.send(pattern(10));
        const receiving = async (): Promise<Uint8Array> => {
          await turns(3);
          await cancelScope(async (scope) => {
            scope.cancel();
            await expectCancelled(receive(b), scope, `${what} in a cancelled scope`);
          });
          return await readExactly(b, 10);
        };
        const [bytes] = await together(receiving(), sending);
        expectBytes(bytes, pattern(10), `what was received after ${what} was refused`);
      }
    },
  },
  {
    rule: "a receive whose deadline has passed throws the cancellation and takes nothing",
    check: async ({ a, b }) => {
      const receiving = async (): Promise<Uint8Array> => {
        await turns(3);
        await moveOnAfter(0, async (scope) => await expectCancelled(b.receive(), scope, "receive after its deadline"));
        return await readExactly(b, 10);
      };
      const [bytes] = await together(receiving(), a.send(pattern(10)));
      expectBytes(bytes, pattern(10), "what was received after that");
    },
  },
  {
    rule: "a receive that is cancelled while it waits throws the cancellation and loses nothing",
    check: async ({ a, b }) => {
      for (const { what, receive } of ways) {
        for (let round = 0; round < 3; round++) {
          await cancelScope(async (scope) => {
            const receiving = receive(b);
            scope.cancel();
            await expectCancelled(receiving, scope, `${what}, cancelled while it waited`);
          });
        }
        const [bytes] = await together(readExactly(b, 10), a.send(pattern(10)));
        expectBytes(bytes, pattern(10), `what was received after ${what} was cancelled`);
      }
    },
  },
  {
    rule: "a receive that is cancelled at whatever moment either has its bytes or has taken none",
    check: async ({ a, b }) => {
      for (const moment of moments) {
        for (const { what, receive } of ways) {
          for (const isSentFirst of [true, false]) {
            let sending = isSentFirst ? a.send(pattern(100)) : undefined;
            const attempting = attempt(moment, () => receive(b));
            sending ??= a.send(pattern(100));
            const [got, missing] = await together(attempting, attempting.then(readRest), sending);
            const start = got?.value ?? new Uint8Array(0);
            const how = got === undefined ? "threw" : `gave ${describe(start)}`;
            const title = `what was received, where ${what} was cancelled ${moment.name} and ${how}`;
            expectBytes(joined([start, missing]), pattern(100), title);
          }
        }
      }
      /** The rest of the 100 bytes. */
      async function readRest(got: Attempt<Uint8Array | undefined>): Promise<Uint8Array> {
        if (got === undefined) return await readExactly(b, 100);
        if (got.value === undefined)
          return finding("a receive that was cancelled gave end-of-file, where none was sent");
        return await readExactly(b, 100 - got.value.length);
      }
    },
  },
  {
    rule: "a shielded receive goes on waiting when the scope around it is cancelled",
    check: async ({ a, b }) => {
      for (const { what, receive } of ways) {
        const [bytes] = await together(
          cancelScope(async (scope) => {
            const receiving = shield(() => receive(b));
            scope.cancel();
            return await receiving;
          }),
          turns(1).then(() => a.send(pattern(1))),
        );
        expectBytes(bytes ?? new Uint8Array(0), pattern(1), `what ${what}, shielded, gave`);
      }
    },
  },
  {
    rule: "a receive throws the cancellation of an outer scope, and inner scopes let it pass",
    check: async ({ a, b }) => {
      for (const { what, receive } of ways) {
        await cancelScope(async (outer) => {
          const inside = cancelScope(async () => {
            await expectCancelled(receive(b), outer, `${what} in a scope inside of the cancelled one`);
          });
          outer.cancel();
          await inside;
        });
        await transfer(a, b, pattern(10));
      }
    },
  },
];

/** That a wait was cut short by the cancellation of `scope`. */
export async function expectCancelled(wait: Promise<unknown>, scope: CancelScope, what: string): Promise<void> {
  const { value, error } = await outcome(wait);
  if (error === undefined) finding(`${what} gave ${describe(value)}, where the cancellation was expected`);
  if (!isCancelled(error)) {
    finding(`${what} failed with ${describe(error)}, where the cancellation was expected`, error);
  }
  if ((error as Cancelled).scope !== scope) finding(`${what} threw the cancellation of another scope`, error);
}
