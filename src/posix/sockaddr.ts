/**
 * Socket addresses in the bytes that Linux wants (`struct sockaddr_in`, `sockaddr_in6`, `sockaddr_un`), and back.
 *
 * | family | bytes |
 * | --- | --- |
 * | IPv4 | family 2, port 2 (big endian), address 4, zero 8 |
 * | IPv6 | family 2, port 2 (big endian), flow 4, address 16, scope 4 |
 * | Unix | family 2, path up to 108; no terminator is needed; a first byte of zero makes it abstract |
 */
import { isIPv4, isIPv6 } from "node:net";
import { endianness, networkInterfaces } from "node:os";
import { ENAMETOOLONG, systemError } from "./errors.ts";
import { libc } from "./library.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** Room for any of them. */
export const SOCKADDR_BYTES = 112;
const LONGEST_PATH_BYTES = 107;
const IPV6_BYTES = 28;

const isLittle = endianness() === "LE";

export interface InternetAddress {
  readonly host: string;
  readonly port: number;
}

export type AnyAddress = InternetAddress | { readonly path: string };

/** The family of an address; that of a `host` that is no numeric address is `undefined`. */
export function familyOf(address: AnyAddress): number | undefined {
  if ("path" in address) return AF_UNIX;
  if (isIPv4(address.host)) return AF_INET;
  return isIPv6(address.host) ? AF_INET6 : undefined;
}

/**
 * For `bind` and `connect`. With `family` IPv6, an IPv4 address is mapped into it.
 *
 * @throws TypeError if `host` is a name, RangeError if `port` is no port, SystemError if `path` is too long.
 */
export function encodeAddress(address: AnyAddress, family?: number): Uint8Array {
  if ("path" in address) return encodePath(address.path);
  const { host, port } = address;
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new RangeError(`expected a port from 0 to 65535, got ${port}`);
  }
  if (isIPv4(host)) {
    if (family === AF_INET6) return encodeAddress({ host: `::ffff:${host}`, port }, family);
    const bytes = new Uint8Array(16);
    writeHead(bytes, AF_INET, port);
    bytes.set(host.split(".").map(Number), 4);
    return bytes;
  }
  if (isIPv6(host)) {
    const bytes = new Uint8Array(IPV6_BYTES);
    writeHead(bytes, AF_INET6, port);
    const [plain = "", zone] = host.split("%");
    bytes.set(encodeIPv6(plain), 8);
    if (zone !== undefined) new DataView(bytes.buffer).setUint32(24, zoneIndex(zone), isLittle);
    return bytes;
  }
  throw new TypeError(`expected a numeric address, got the host "${host}": resolve names first, with node:dns`);
}

/** What the system filled in. */
export function decodeAddress(bytes: Uint8Array, length: number): AnyAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = length < 2 ? AF_UNIX : view.getUint16(0, isLittle);
  if (family === AF_INET) return { host: bytes.subarray(4, 8).join("."), port: view.getUint16(2) };
  if (family === AF_INET6) {
    const scope = view.getUint32(24, isLittle);
    const host = decodeIPv6(bytes.subarray(8, 24));
    return { host: scope === 0 ? host : `${host}%${zoneName(scope)}`, port: view.getUint16(2) };
  }
  // An abstract path is counted, any other ends at its terminator.
  const end = length > 2 && bytes[2] === 0 ? length : bytes.indexOf(0, 2);
  return { path: Buffer.from(bytes.subarray(2, Math.min(end === -1 ? length : end, Math.max(length, 2)))).toString() };
}

function encodePath(path: string): Uint8Array {
  const encoded = Buffer.from(path);
  if (encoded.length === 0) throw new TypeError("expected the path of a Unix socket, got an empty one");
  if (encoded.length > LONGEST_PATH_BYTES) throw systemError(ENAMETOOLONG, "connect or bind", path);
  // A path ends with a zero; an abstract name, which begins with one, is what its length says.
  const bytes = new Uint8Array(2 + encoded.length + (encoded[0] === 0 ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, isLittle);
  bytes.set(encoded, 2);
  return bytes;
}

function writeHead(bytes: Uint8Array, family: number, port: number): void {
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, isLittle);
  view.setUint16(2, port);
}

/** The 16 bytes of a valid address without its zone. */
function encodeIPv6(host: string): Uint8Array {
  // The last four bytes may be written as IPv4.
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  const [, head = "", ...last] = dotted ?? [];
  const [a = 0, b = 0, c = 0, d = 0] = last.map(Number);
  const text = dotted === null ? host : `${head}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const [front = "", back] = text.split("::");
  const groupsOf = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => parseInt(group, 16)));
  const before = groupsOf(front);
  const after = back === undefined ? [] : groupsOf(back);
  const groups = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** As RFC 5952 has it: the longest run of zeros is left out, and a mapped IPv4 address is written as such. */
function decodeIPv6(bytes: Uint8Array): string {
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (isMapped) return `::ffff:${bytes.subarray(12).join(".")}`;
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16),
  );
  const text = groups.join(":");
  const runs = text.match(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const at = text.search(new RegExp(`(?<![0-9a-f])${longest}(?![0-9a-f])`));
  return `${text.slice(0, at).replace(/:$/, "")}::${text.slice(at + longest.length).replace(/^:/, "")}`;
}

/** The number of a network interface by its name or number. @throws TypeError if there is none. */
function zoneIndex(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  const index = libc().if_nametoindex(Buffer.from(`${zone}\0`));
  if (index === 0) throw new TypeError(`there is no network interface "${zone}"`);
  return index;
}

/** The number of the interface that has this IPv6 address, or that its zone names. */
export function interfaceIndex(address: string): number {
  const [plain, zone] = address.split("%");
  if (zone !== undefined) return zoneIndex(zone);
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some((candidate) => candidate.address === plain)) return zoneIndex(name);
  }
  throw new TypeError(`no network interface of this machine has the address "${address}"`);
}

function zoneName(index: number): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some((address) => address.family === "IPv6" && address.scopeid === index)) return name;
  }
  return String(index);
}
