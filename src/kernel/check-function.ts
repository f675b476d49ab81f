/**
 * What a function is asked for and not given. The likely slip is a promise: the call in place of the function that makes it. That must be
 * told by name, as what it stands for has begun already, in a scope that is not the one meant for it.
 */

/** @throws TypeError if `fn` is no function. */
export function checkFunction(where: string, fn: unknown): void {
  if (typeof fn === "function") return;
  const advice = isThenable(fn) ? ", whose work has begun: pass () => it" : "";
  throw new TypeError(`${where}: expected a function, got ${describe(fn)}${advice}`);
}

/** What is wrong with the options of `where`, or `undefined`. */
export function objectionToOptions(where: string, options: unknown): TypeError | undefined {
  if (typeof options === "object" && options !== null) return undefined;
  return new TypeError(`${where}: expected its options, an object, got ${describe(options)}`);
}

/** @throws TypeError if the options of `where` are none. */
export function checkOptions(where: string, options: unknown): void {
  const bad = objectionToOptions(where, options);
  if (bad !== undefined) throw bad;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return Object(value) === value && typeof (value as { then?: unknown }).then === "function";
}

/** A value as a message names it. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return `the function ${value.name || "(anonymous)"}`;
  if (isThenable(value)) return "a promise";
  return Object(value) === value ? Object.prototype.toString.call(value) : String(value);
}
