/** What a check saw that must not be. The check's runner makes an assertion error of it, with the rule that is broken. */

export class Finding extends Error {}

/** Ends a check. `cause` is the error that was seen, if it was one. */
export function finding(seen: string, cause?: unknown): never {
  throw new Finding(seen, cause === undefined ? undefined : { cause });
}

/** A value as it is shown in a finding. */
export function describe(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Uint8Array) return sizeOf(value);
  return typeof value === "object" && value !== null ? Object.prototype.toString.call(value) : String(value);
}

export function sizeOf(bytes: Uint8Array): string {
  return bytes.length === 1 ? "1 byte" : `${bytes.length} bytes`;
}
