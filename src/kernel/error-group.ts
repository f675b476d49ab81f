/**
 * Several failures at once, and how to handle them by kind. After Python's exception groups and `except*`.
 */
import { type Returned, settled } from "./body.ts";
import { Cancelled, identify } from "./errors.ts";
import { quietly } from "./quiet.ts";

type Kind<E extends Error> = abstract new (...parameters: never[]) => E;
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

/** An error class, and what to do with the failures of that class, given as a group. */
export type GroupHandler<E extends Error = Error> = readonly [kind: Kind<E>, handle: (group: ErrorGroup) => unknown];

/**
 * Runs `fn`, and hands the failures in what it throws to the first handler whose class they are of. What no handler takes is rethrown:
 * a lone error unchanged, several as an `ErrorGroup`, together with what handlers threw. A lone error counts as a group of one.
 * Cancellations pass untouched. Gives the value of `fn`, or `undefined` if something was handled.
 */
export function handleGroup<T>(fn: () => Returned<T>, handlers: readonly GroupHandler[]): Promise<T | undefined> {
  return quietly(async () => {
    try {
      return await settled(fn());
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      const whole = error instanceof ErrorGroup ? error : new ErrorGroup([error], messageOf(error));
      let rest: ErrorGroup | undefined = whole;
      const thrown: unknown[] = [];
      for (const [kind, handle] of handlers) {
        if (rest === undefined) break;
        const [picked, others]: [ErrorGroup | undefined, ErrorGroup | undefined] = rest.split(
          (each) => each instanceof kind,
        );
        rest = others;
        if (picked === undefined) continue;
        try {
          await handle(picked);
        } catch (failure) {
          thrown.push(failure);
        }
      }
      if (thrown.length > 0) throw new ErrorGroup(rest === undefined ? thrown : [...thrown, rest], whole.message);
      if (rest === whole || (rest !== undefined && whole !== error)) throw error;
      if (rest !== undefined) throw rest;
      return undefined;
    }
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
