/**
 * Addresses of services as URLs: `tcp://HOST:PORT`.
 */
import { formatAddress, type SocketAddress } from "../kernel/addresses.ts";

const LARGEST_PORT = 65_535;

/**
 * @throws TypeError if `url` is not of the form `tcp://HOST:PORT`; the message says what is wrong with it.
 */
export function parseEndpoint(url: string): SocketAddress {
  const form = `expected an address like tcp://127.0.0.1:8000, got ${JSON.stringify(url)}`;
  const match = /^([a-z][a-z0-9+.-]*):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^/:?#[\]@\s]+)):([0-9]+)\/?$/.exec(url);
  if (match === null) throw new TypeError(form);
  const [, scheme, address6, name, digits] = match;
  if (scheme !== "tcp") throw new TypeError(`${form}: of schemes, only tcp is there`);
  const port = Number(digits);
  if (port > LARGEST_PORT) throw new TypeError(`${form}: a port is at most ${LARGEST_PORT}`);
  return { host: address6 ?? name ?? "", port };
}

/** The URL of an address. */
export function formatEndpoint(address: SocketAddress): string {
  return `tcp://${formatAddress(address)}`;
}
