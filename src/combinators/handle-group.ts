/**
 * Handling several failures at once by their kind. After Python's `except*`.
 */
import { type Returned, settled } from "../kernel/body.ts";
import { checkFunction } from "../kernel/check-function.ts";
import { ErrorGroup } from "../kernel/error-group.ts";
import { Cancelled } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";

type Kind<E extends Error> = abstract new (...parameters: never[]) => E;

/** An error class, and what to do with the failures of that class, given as a group. */
export type GroupHandler<E extends Error = Error> = readonly [kind: Kind<E>, handle: (group: ErrorGroup) => unknown];

/**
 * Runs `fn`, and hands the failures in what it throws to the first handler whose class they are of. A lone error counts as a group of one.
 * What no handler takes is rethrown: what was thrown alone unchanged, the rest of a group as a group, be it of one; together with what handlers
 * threw, if any did.
 * Cancellations pass untouched. Gives the value of `fn`, or `undefined` if something was handled.
 */
export function handleGroup<T>(fn: () => Returned<T>, handlers: readonly GroupHandler[]): Promise<T | undefined> {
  return quietly(async () => {
    checkFunction("handleGroup", fn);
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
          await settled(handle(picked));
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
