/**
 * `await using` in a cancelled scope. The block is left by a `Cancelled`, and if closing threw another one, JavaScript would make a `SuppressedError`
 * of the two, which no scope knows for its own. So disposing does not throw the cancellation that is in force: the thing is closed, and the
 * next checkpoint throws.
 */
import { Cancelled } from "../kernel/errors.ts";
import { currentNode } from "../kernel/scope.ts";

export async function disposed(closing: Promise<void>): Promise<void> {
  try {
    await closing;
  } catch (error) {
    if (!(error instanceof Cancelled) || currentNode().cancelledBy?.scope !== error.scope) throw error;
  }
}
