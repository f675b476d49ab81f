/** Errors in the shape of the operating system's, for what stands in for it. */
import { type Address, formatAddress } from "./addresses.ts";

/** An error as the operating system gives it: `code` (`ECONNREFUSED` and kin) and the call that failed. */
export function systemError(code: string, syscall: string, address?: Address): Error {
  const where = address === undefined ? "" : ` ${formatAddress(address)}`;
  return Object.assign(new Error(`${syscall} ${code}${where}`), { code, syscall });
}
