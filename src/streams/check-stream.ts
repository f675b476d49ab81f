/** What is given as a stream to functions that make something of it: told now, and not by the first use, which may be far away. */
import { describe } from "../kernel/check-function.ts";

/** @throws TypeError if `value` lacks a method that `where` needs of it. */
export function checkStream(where: string, value: unknown, ...methods: readonly string[]): void {
  const given = Object(value) as Record<string, unknown>;
  for (const method of methods) {
    if (typeof given[method] === "function") continue;
    throw new TypeError(`${where}: expected something that has ${method}(), got ${describe(value)}`);
  }
}
