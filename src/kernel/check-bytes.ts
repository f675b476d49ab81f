/** What is given to be sent. A text is the likely slip, and some carriers would take it, in an encoding that nobody has asked for. */
import { describe } from "./check-function.ts";

/** Says that `bytes` are none. The test for that stands where they are sent: a call would cost each send. */
export function notBytes(where: string, bytes: unknown): TypeError {
  const advice = typeof bytes === "string" ? ": encode it first, as new TextEncoder().encode(text) does" : "";
  return new TypeError(`${where}: expected a Uint8Array, got ${describe(bytes)}${advice}`);
}
