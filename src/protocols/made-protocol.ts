/** A protocol as its factory gives it. One that gives nothing (a forgotten `return`) would leave a connection that nobody hears, and that never ends. */
import { describe } from "../kernel/check-function.ts";

/** @throws TypeError if it gives no object, and what it throws itself. */
export function madeBy<P extends object>(makeProtocol: () => P): P {
  const protocol: unknown = makeProtocol();
  if (typeof protocol === "object" && protocol !== null) return protocol as P;
  throw new TypeError(`makeProtocol: expected it to give a protocol, got ${describe(protocol)}`);
}
