/** Errors as values, so that a test can look at them. */
import assert from "node:assert/strict";
import { Cancelled, type CancelScope } from "coppice";

/** What `promise` rejects with; fails the test if it does not. */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail("expected a rejection");
}

/** The `Cancelled` that `promise` rejects with. */
export async function cancellation(promise: PromiseLike<unknown>): Promise<Cancelled> {
  const error = await rejection(promise);
  if (!(error instanceof Cancelled)) throw error;
  return error;
}

/** Fails unless `promise` rejects with the cancellation of `scope`. */
export async function assertCancelledBy(scope: CancelScope, promise: PromiseLike<unknown>): Promise<void> {
  assert.equal((await cancellation(promise)).scope, scope);
}
