/** Turning a connection into a TLS connection after both ends have agreed on it in plain text: STARTTLS. */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { ClosedError } from "../kernel/errors.ts";
import type { Protocol, Transport } from "../kernel/network.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { TlsRole } from "../tls/engine.ts";
import {
  clientRole,
  serverRole,
  type TlsClientOptions,
  type TlsLimits,
  type TlsServerOptions,
  tlsLimits,
} from "../tls/options.ts";
import { TlsTransport } from "./tls-transport.ts";

interface Received {
  /** Bytes that came after the last plain ones and were read with them: they belong to the handshake. */
  readonly received?: Uint8Array;
}

/** The client's side is told by its `serverName`. */
export type StartTlsOptions = Received & (TlsClientOptions | (TlsServerOptions & { readonly isServer: true }));

/**
 * Makes a live transport a TLS transport, and gives that once the handshake is done. The old one belongs to it from here on: write to the
 * new one only. `protocol` gets the plain bytes, a turn of the loop after this settled at the earliest; its `connectionMade` is not called,
 * for its `connectionLost` the rules are the same as ever: it is called once, also when the handshake fails. What was written
 * before goes out before. Always a checkpoint; cancelled, the connection is aborted, as it is neither plain nor TLS by then.
 *
 * @throws TlsError if the handshake failed, or took longer than `handshakeTimeoutMs`.
 * @throws ClosedError if the transport is closing already, or this side closes it meanwhile.
 * @throws TypeError, RangeError if the options are not right; the transport is untouched then.
 *
 * @example
 * ```ts
 * const secure = await startTls(transport, session, { serverName: "mail.example.com" });
 * secure.write(new TextEncoder().encode("EHLO me\r\n"));
 * ```
 */
export function startTls(transport: Transport, protocol: Protocol, options: StartTlsOptions): Promise<TlsTransport> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => startTls(transport, protocol, options));
  if (transport.isClosing) {
    return Promise.reject(new ClosedError("startTls on a transport that is closing, or lost"));
  }
  let role: TlsRole;
  let limits: TlsLimits;
  try {
    role = "isServer" in options ? serverRole("startTls", options) : clientRole("startTls", options);
    limits = tlsLimits("startTls", options);
  } catch (error) {
    return Promise.reject(error);
  }
  return new UpgradeWaiter(scope, transport, protocol, { role, limits, received: options.received }).promise;
}

interface Upgrade {
  readonly role: TlsRole;
  readonly limits: TlsLimits;
  readonly received: Uint8Array | undefined;
}

class UpgradeWaiter extends Waiter<TlsTransport> {
  readonly #upgrading: TlsTransport;
  #isOver = false;

  constructor(scope: ScopeNode, transport: Transport, protocol: Protocol, upgrade: Upgrade) {
    super(scope);
    const { role, limits, received = new Uint8Array(0) } = upgrade;
    this.#upgrading = new TlsTransport(transport, protocol, received, {
      role,
      limits,
      loop: scope.loop,
      upgraded: (secure) => this.#end(() => this.wake(secure)),
      failed: (error) => this.#end(() => this.fail(() => error)),
    });
  }

  protected override abandoned(): void {
    this.#isOver = true;
    this.#upgrading.abort();
  }

  #end(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    tell();
  }
}
