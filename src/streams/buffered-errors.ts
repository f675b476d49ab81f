/** The error of a stream that ends too early. */
import { identify } from "../kernel/errors.ts";

/** The stream ended before what was asked for had come. */
export class IncompleteReadError extends Error {
  declare readonly code: "INCOMPLETE_READ";
  /** What had come of it; it is no longer in the reader. */
  readonly partial: Uint8Array;

  constructor(message: string, partial: Uint8Array) {
    super(message);
    this.partial = partial;
  }

  static {
    identify(IncompleteReadError, "IncompleteReadError", "INCOMPLETE_READ");
  }
}
