/**
 * Several failures at once. After Python's exception groups.
 */
import { identify } from "./errors.ts";

type Predicate = (error: unknown) => boolean;

/** Failures that happened independently of each other. Groups may hold groups. */
export class ErrorGroup extends AggregateError {
  declare readonly code: "ERROR_GROUP";

  constructor(errors: Iterable<unknown>, message: string) {
    super(errors, message);
  }

  static {
    identify(ErrorGroup, "ErrorGroup", "ERROR_GROUP");
  }

  /** Two groups of the same shape: the errors that `predicate` picks, and the others; `undefined` for an empty one. */
  split(predicate: Predicate): [picked: ErrorGroup | undefined, rest: ErrorGroup | undefined] {
    const picked: unknown[] = [];
    const rest: unknown[] = [];
    for (const error of this.errors) {
      if (error instanceof ErrorGroup) {
        const [inside, outside] = error.split(predicate);
        if (inside !== undefined) picked.push(inside);
        if (outside !== undefined) rest.push(outside);
      } else (predicate(error) ? picked : rest).push(error);
    }
    return [this.#like(picked), this.#like(rest)];
  }

  /** The errors that `predicate` picks, in a group of the same shape; `undefined` if there are none. */
  filter(predicate: Predicate): ErrorGroup | undefined {
    return this.split(predicate)[0];
  }

  #like(errors: readonly unknown[]): ErrorGroup | undefined {
    if (errors.length === 0) return undefined;
    const group = new ErrorGroup(errors, this.message);
    if (this.stack !== undefined) group.stack = this.stack;
    return group;
  }
}
