/** What becomes of a feed whose reader was too slow. */
import { identify } from "../kernel/errors.ts";

/** More came than a bounded buffer holds, from a source that cannot be made to wait. */
export class OverflowError extends Error {
  declare readonly code: "OVERFLOW";
  static {
    identify(OverflowError, "OverflowError", "OVERFLOW");
  }
}
