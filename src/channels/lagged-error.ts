/** What a subscriber of a broadcast is told when it was too slow. */
import { identify } from "../kernel/errors.ts";

/** A subscriber was so slow that values were dropped before it received them. Not fatal: the next receive goes on with the oldest that was kept. */
export class LaggedError extends Error {
  declare readonly code: "LAGGED";
  /** How many values it has missed. */
  readonly count: number;

  constructor(message: string, count: number) {
    super(message);
    this.count = count;
  }

  static {
    identify(LaggedError, "LaggedError", "LAGGED");
  }
}
