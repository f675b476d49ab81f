/** The errors of datagrams. */
import { formatAddress } from "../kernel/addresses.ts";
import { identify } from "../kernel/errors.ts";
import { codeOf, whyNoDatagram } from "./reasons.ts";

/**
 * Something went wrong with a datagram that was sent before, or with a multicast group. Thrown once, by the next call; the socket goes on. `cause` is the system's error, `systemCode` its code: `ECONNREFUSED` says that nothing listens at the peer's port.
 */
export class DatagramError extends Error {
  declare readonly code: "DATAGRAM" | "DATAGRAM_TOO_LARGE";
  readonly systemCode: string | undefined;

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.systemCode = codeOf(options.cause);
  }

  static {
    identify(DatagramError, "DatagramError", "DATAGRAM");
  }
}

/** A datagram is larger than the protocol or the network takes; nothing of it was sent. */
export class DatagramTooLargeError extends DatagramError {
  declare readonly code: "DATAGRAM_TOO_LARGE";
  /** The most that a datagram can have; `undefined` where the network refused less than that and did not say its limit. */
  readonly maxBytes: number | undefined;

  constructor(message: string, options: { cause?: unknown; maxBytes?: number } = {}) {
    super(message, options);
    this.maxBytes = options.maxBytes;
  }

  static {
    identify(DatagramTooLargeError, "DatagramTooLargeError", "DATAGRAM_TOO_LARGE");
  }
}

/** What a socket throws for an error that the system told it. Where that names the peer, so does the message; otherwise it names `where`. */
export function datagramError(where: string, cause: Error): DatagramError {
  const message = `${peerOf(cause) ?? where}: ${whyNoDatagram(cause)}`;
  return codeOf(cause) === "EMSGSIZE"
    ? new DatagramTooLargeError(message, { cause })
    : new DatagramError(message, { cause });
}

function peerOf(cause: Error & { readonly address?: unknown; readonly port?: unknown }): string | undefined {
  const { address: host, port } = cause;
  return typeof host === "string" && typeof port === "number"
    ? `datagram to ${formatAddress({ host, port })}`
    : undefined;
}
