/** Which bound address hears what is sent to which: the families of the internet protocols, and their addresses for "any". */
import { isIP } from "node:net";

export type Family = 4 | 6;

/** Something that is bound to an address. */
export interface Bound {
  readonly host: string;
  readonly port: number;
  /** On `::`, it hears nothing of IPv4. */
  readonly ipv6Only: boolean;
}

/** The family of an address; `undefined` for a name. */
export function familyOf(host: string): Family | undefined {
  const family = isIP(host);
  return family === 0 ? undefined : (family as Family);
}

export function anyOf(family: Family): string {
  return family === 4 ? "0.0.0.0" : "::";
}

export function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** What is sent to `host` is for it. */
function hears(bound: Bound, host: string): boolean {
  if (bound.host === host || (bound.host === "0.0.0.0" && familyOf(host) === 4)) return true;
  return bound.host === "::" && (familyOf(host) === 6 || !bound.ipv6Only);
}

/** There is an address that both would hear. */
export function overlap(a: Bound, b: Bound): boolean {
  return hears(a, b.host) || hears(b, a.host);
}

/** Those who hear `host`, if several can have one port: who named the address, or else the family, comes before who named less. */
export function closest<B extends Bound>(bound: readonly B[], host: string): readonly B[] {
  const hearing = bound.filter((one) => hears(one, host));
  for (const named of [host, anyOf(familyOf(host) ?? 4)]) {
    const exact = hearing.filter((one) => one.host === named);
    if (exact.length > 0) return exact;
  }
  return hearing;
}

/** How one that is bound to `::` writes an IPv4 address. */
export function writtenBy(bound: Bound, host: string): string {
  return bound.host === "::" && familyOf(host) === 4 ? `::ffff:${host}` : host;
}

export function isMulticast(host: string): boolean {
  if (familyOf(host) === 6) return host.toLowerCase().startsWith("ff");
  const first = Number.parseInt(host, 10);
  return first >= 224 && first <= 239;
}

/** As in networks of 256 addresses. */
export function isBroadcast(host: string): boolean {
  return familyOf(host) === 4 && host.endsWith(".255");
}
