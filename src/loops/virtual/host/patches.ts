/**
 * Functions of the host put aside for a while, and put back.
 *
 * What somebody else has put in the same place meanwhile stays there: ours, below it, then does what the original did.
 */
import { syncBuiltinESMExports } from "node:module";

// biome-ignore lint/suspicious/noExplicitAny: stands for functions of every shape.
export type AnyFunction = (...args: any[]) => any;

/** Puts something of ours in the place of `target[key]`, made from what was there. */
export interface Replacement {
  readonly target: object;
  readonly key: string;
  readonly make: (original: AnyFunction) => unknown;
}

/** Makes the replacements, for those who import the functions from `node:` modules too. The result takes them back. */
export function replace(replacements: readonly Replacement[]): () => void {
  const undo = replacements.map(replaceOne);
  syncBuiltinESMExports();
  return () => {
    for (const back of undo) back();
    syncBuiltinESMExports();
  };
}

function replaceOne({ target, key, make }: Replacement): () => void {
  const own = Object.getOwnPropertyDescriptor(target, key);
  const original = Reflect.get(target, key) as AnyFunction;
  const ours = make(original);
  Object.defineProperty(target, key, {
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
    value: ours,
  });
  return () => {
    if (Object.getOwnPropertyDescriptor(target, key)?.value !== ours) return;
    if (own === undefined) Reflect.deleteProperty(target, key);
    else Object.defineProperty(target, key, own);
  };
}

/** Gives `ours` the name and the properties of the function whose place it takes. */
export function inTheGuiseOf<F extends AnyFunction>(original: AnyFunction, ours: F): F {
  for (const key of Reflect.ownKeys(original)) {
    if (key === "prototype") continue;
    const property = Object.getOwnPropertyDescriptor(original, key) as PropertyDescriptor;
    Object.defineProperty(ours, key, property);
  }
  return ours;
}
