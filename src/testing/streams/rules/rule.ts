/** One row of what streams are checked for. */
import type { End } from "../end.ts";

/** Two connected ends. Of one-way streams, `a` sends and `b` receives. */
export interface Ends {
  readonly a: End;
  readonly b: End;
}

export interface Rule {
  /** What every stream does, as a sentence. */
  readonly rule: string;
  /** It needs a send that waits: left out for streams that never make one wait. */
  readonly needsBlocking?: true;
  /** Makes the streams do it. No check knows when bytes arrive, only that they do; and every send may wait until all was received. */
  readonly check: (ends: Ends) => Promise<void>;
}
