/**
 * The methods that a peer serves, by name.
 *
 * A table is made once, from the object's own functions, into a `Map`: so `__proto__`, `constructor` and `toString` are names like any
 * other, and unknown unless somebody defined them.
 */
import type { Params } from "./messages.ts";

/**
 * A function that a peer can call. Params given by position are its arguments; given by name, they are one argument, an object.
 * What it returns or resolves to is the result; `undefined` becomes `null`.
 * An `RpcError` that it throws is the answer; any other error is reported here and answered with "Internal error".
 */
// biome-ignore lint/suspicious/noExplicitAny: what the caller sends is what the function must expect.
export type Method = (...params: any[]) => unknown;

/** Methods by name. A module (`import * as methods`) will do: its functions are the methods. */
export type Methods = { readonly [name: string]: unknown };

export type MethodTable = ReadonlyMap<string, Method>;

/** @throws TypeError if a name begins with `rpc.`, which the protocol keeps to itself. */
export function methodTable(methods: Methods): MethodTable {
  const table = new Map<string, Method>();
  for (const [name, method] of Object.entries(methods)) {
    if (typeof method !== "function" || name === "default") continue;
    if (name.startsWith("rpc."))
      throw new TypeError(`method "${name}": names that begin with "rpc." are reserved by JSON-RPC`);
    // Bound, so that methods of an object may use `this`.
    table.set(name, (method as Method).bind(methods));
  }
  return table;
}

export function callMethod(method: Method, params: Params | undefined): unknown {
  if (params === undefined) return method();
  return Array.isArray(params) ? method(...params) : method(params);
}
