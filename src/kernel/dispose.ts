/**
 * `await using` in a cancelled scope. The block is left by a `Cancelled`, and if closing threw another one, JavaScript would make a `SuppressedError`
 * of the two, which no scope knows for its own. So disposing does not throw the cancellation that is in force: the thing is closed, and the
 * next checkpoint throws.
 */
import { Cancelled } from "./errors.ts";
import { quietly } from "./quiet.ts";
import { currentNode } from "./scope.ts";

export function disposed(closing: Promise<void>): Promise<void> {
  const scope = currentNode();
  return quietly(async () => {
    try {
      await closing;
    } catch (error) {
      if (!(error instanceof Cancelled) || scope.cancelledBy?.scope !== error.scope) throw error;
    }
  });
}
