/**
 * When to cancel. No check can know the tick in which a wait is woken, on whatever loop and transport, so it is cancelled at every moment around
 * it: in the same tick as the call, some microtasks later, at the end of some turn, and when the loop has been idle.
 */
import { isCancelled } from "../../kernel/errors.ts";
import type { Loop } from "../../kernel/ports.ts";
import { currentLoop } from "../../kernel/scope.ts";
import { cancelScope } from "../../kernel/scopes.ts";
import { sleep } from "../../kernel/sleep.ts";
import { outcome } from "./expect.ts";
import { finding } from "./finding.ts";

const MICROTASKS = 5;
const TURNS = 3;

export interface Moment {
  readonly name: string;
  /** Calls `act` at the moment, in that very tick, and settles after that. */
  reach(act: () => void): Promise<void>;
}

export const moments: readonly Moment[] = [
  ...Array.from({ length: (TURNS + 1) * MICROTASKS }, (_, index) =>
    momentAfter(Math.floor(index / MICROTASKS), index % MICROTASKS),
  ),
  {
    name: "1 ms after the call",
    async reach(act): Promise<void> {
      await sleep(1);
      act();
    },
  },
];

function momentAfter(turnCount: number, microtasks: number): Moment {
  return {
    name: `${turnCount} turns of the event loop and ${microtasks} microtasks after the call`,
    async reach(act): Promise<void> {
      const loop = currentLoop();
      for (let turn = 1; turn < turnCount; turn++) await atEndOfTurn(loop, () => {});
      // In the callback itself: what else happens at the end of a turn has woken its waits, and they have not gone on yet.
      if (turnCount > 0) await atEndOfTurn(loop, microtasks === 0 ? act : () => {});
      for (let microtask = 0; microtask < microtasks; microtask++) await undefined;
      if (turnCount === 0 || microtasks > 0) act();
    },
  };
}

function atEndOfTurn(loop: Loop, act: () => void): Promise<void> {
  return new Promise((resolve) => {
    loop.afterTurn(() => {
      act();
      resolve();
    });
  });
}

/** What a call gave that was cancelled at some moment; nothing if the cancellation cut it short. */
export type Attempt<T> = { readonly value: T } | undefined;

/** Makes a call in a scope of its own, which is cancelled at `moment`. The call is made before this returns. */
export function attempt<T>(moment: Moment, call: () => Promise<T>): Promise<Attempt<T>> {
  return cancelScope(async (scope): Promise<Attempt<T>> => {
    const calling = outcome(call());
    const cancelling = moment.reach(() => scope.cancel(moment.name));
    const { value, error } = await calling;
    await cancelling.catch(() => {});
    if (error === undefined) return { value: value as T };
    if (!isCancelled(error)) throw error;
    if (error.scope !== scope)
      finding("a wait that was cancelled failed with the cancellation of another scope", error);
    return undefined;
  });
}
