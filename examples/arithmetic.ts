/**
 * A module as a service: `npm run coppice -- serve examples/arithmetic.ts` serves its exported functions.
 */
import { INVALID_PARAMS, RpcError } from "coppice/rpc";

export function add(a: number, b: number): number {
  return a + b;
}

export function divide(dividend: number, divisor: number): number {
  if (divisor === 0) throw new RpcError(INVALID_PARAMS, "Invalid params", "cannot divide by zero");
  return dividend / divisor;
}
