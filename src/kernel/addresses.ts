/** Where connections begin and end. */

/** An end of a connection of the internet protocols. `host` is a name where one is asked for, an address where one is told. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** An end of a connection on this machine: a path in the file system, empty for the end that has none. */
export interface UnixAddress {
  readonly path: string;
}

/** Either kind; `"path" in address` tells which. */
export type Address = SocketAddress | UnixAddress;

/** As people write it: `127.0.0.1:8000`, `[::1]:8000`, `/run/service.sock`. */
export function formatAddress(address: Address): string {
  if ("path" in address) return address.path || "(unnamed)";
  const { host, port } = address;
  return host.includes(":") ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}
