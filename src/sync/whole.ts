/**
 * Counts that users give: permits, parties, tokens. One place checks them, so that all messages read alike.
 */

/** Throws unless `value` is a whole number of at least `least`; `Infinity` passes where it `mayBeInfinite`. */
export function checkWhole(what: string, value: number, least: number, mayBeInfinite = false): void {
  if (Number.isInteger(value) && value >= least) return;
  if (mayBeInfinite && value === Infinity) return;
  const infinite = mayBeInfinite ? ", or Infinity" : "";
  throw new RangeError(`${what}: expected a whole number of at least ${least}${infinite}, got ${String(value)}`);
}
