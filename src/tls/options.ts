/** How patient a TLS connection is, and what it insists on. Shared by streams and transports. */
import { checkOptions, describe } from "../kernel/check-function.ts";
import { checkDuration } from "../kernel/scopes.ts";
import { ownContext, standardContext, type TlsContext } from "./context.ts";
import type { TlsRole } from "./engine.ts";
import type { TlsFailure } from "./errors.ts";

/** What both sides of a connection may set. */
export interface TlsOptions {
  /** How long the handshake may take, in milliseconds; by default 10 s. */
  readonly handshakeTimeoutMs?: number;
  /** How long `close` waits for the peer's close_notify once its own is out, in milliseconds; by default 3 s. */
  readonly shutdownTimeoutMs?: number;
  /**
   * Whether the peer must say that it ends (close_notify); by default it must, as otherwise whoever cuts the connection decides where the
   * data ends. `false` is for peers that do not, as many of HTTPS: an end is an end then, and `close` sends its own and waits for nothing.
   */
  readonly requireCloseNotify?: boolean;
}

/** What the client's side needs: whom it expects. */
export interface TlsClientOptions extends TlsOptions {
  /** The name, or the address, for which the server must have a certificate; a name is sent to the server, too (SNI). */
  readonly serverName: string;
  /** Made by `tlsContext`; by default one that trusts the public authorities and has no certificate. */
  readonly context?: TlsContext;
}

/** What the server's side needs: its certificate. */
export interface TlsServerOptions extends TlsOptions {
  /** Made by `tlsContext`; must have a certificate. */
  readonly context: TlsContext;
}

/** `TlsOptions` with its defaults. */
export interface TlsLimits {
  readonly handshakeTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly requireCloseNotify: boolean;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Less than `serve` gives a connection to close, so that there, too, an end in order stays one. */
const SHUTDOWN_TIMEOUT_MS = 3_000;

/** @throws RangeError if a duration is none. */
export function tlsLimits(where: string, options: TlsOptions): TlsLimits {
  const { handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS, shutdownTimeoutMs = SHUTDOWN_TIMEOUT_MS } = options;
  const invalid =
    checkDuration(`${where}: handshakeTimeoutMs`, handshakeTimeoutMs) ??
    checkDuration(`${where}: shutdownTimeoutMs`, shutdownTimeoutMs);
  if (invalid !== undefined) throw invalid;
  return { handshakeTimeoutMs, shutdownTimeoutMs, requireCloseNotify: options.requireCloseNotify ?? true };
}

/** @throws TypeError if it is not said whom the client expects. */
export function clientRole(where: string, options: TlsClientOptions): TlsRole {
  checkOptions(where, options);
  const { serverName } = options;
  if (typeof serverName !== "string" || serverName === "") {
    throw new TypeError(
      `${where}: expected serverName, whose certificate the server must have, got ${describe(serverName)}`,
    );
  }
  return { side: "client", serverName, context: ownContext(options.context) ?? standardContext() };
}

/** @throws TypeError if the server has no certificate. */
export function serverRole(where: string, options: TlsServerOptions): TlsRole {
  checkOptions(where, options);
  const context = ownContext(options.context);
  if (context?.hasCertificate !== true)
    throw new TypeError(`${where}: the context of a server needs a certificate: tlsContext({ cert, key })`);
  return { side: "server", context };
}

export const truncated: TlsFailure = {
  reason: "truncated",
  words:
    "the connection ended without the peer's close_notify, so what came may be truncated: " +
    "for peers that never send it there is requireCloseNotify: false",
};

export const handshakeCut: TlsFailure = {
  reason: "handshake-cut",
  words:
    "the peer ended the connection in the middle of the handshake: it may not speak TLS, or it refused and did not say why",
};

export function handshakeTimedOut(ms: number): TlsFailure {
  return {
    reason: "handshake-timeout",
    words: `the peer did not finish the handshake in ${ms} ms (handshakeTimeoutMs)`,
  };
}
