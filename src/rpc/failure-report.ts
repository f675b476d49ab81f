/**
 * Telling the operator that a method failed, where the program has not said how: one warning for each method at a time,
 * lest a method that always fails floods the log at the rate of its callers.
 */
import { currentLoop } from "../kernel/scope.ts";

const QUIET_MS = 10_000;

interface Recent {
  readonly at: number;
  hidden: number;
}

export function createFailureReport(): (error: unknown, method: string) => void {
  const recent = new Map<string, Recent>();
  return (error, method) => {
    const loop = currentLoop();
    const last = recent.get(method);
    if (last !== undefined && loop.time() - last.at < QUIET_MS) {
      last.hidden++;
      return;
    }
    recent.set(method, { at: loop.time(), hidden: 0 });
    const before =
      last === undefined || last.hidden === 0 ? "" : ` (and ${last.hidden} more failures since the last report)`;
    loop.warn(
      `method "${method}" failed, its caller was answered "Internal error"${before}; pass onError to handle this: ${describe(error)}`,
      "COPPICE_METHOD_FAILED",
    );
  };
}

/** What was thrown, as text; whatever it is. */
export function describe(thrown: unknown): string {
  if (thrown instanceof Error) return String(thrown.stack ?? thrown.message);
  try {
    return `it threw ${JSON.stringify(thrown) ?? String(thrown)}, which is no Error`;
  } catch {
    return `it threw a value of type ${typeof thrown}, which is no Error`;
  }
}
