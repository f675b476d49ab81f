/** Unhandled rejections as values. */

/**
 * Runs `fn` and returns the reasons of the rejections that nobody handled meanwhile. The test runner, which would fail the
 * test for them, does not hear of them.
 */
export async function unhandledDuring(fn: () => unknown): Promise<unknown[]> {
  const reasons: unknown[] = [];
  const note = (reason: unknown): void => {
    reasons.push(reason);
  };
  const others = process.rawListeners("unhandledRejection") as NodeJS.UnhandledRejectionListener[];
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", note);
  try {
    await fn();
    // They are told when the microtasks of a turn have run dry.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  } finally {
    process.off("unhandledRejection", note);
    for (const other of others) process.on("unhandledRejection", other);
  }
  return reasons;
}
