/**
 * TCP connections as byte streams.
 */

import { formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { SocketStream } from "../streams/byte-stream.ts";
import { ConnectError } from "../streams/errors.ts";
import { TransportStream } from "../streams/transport-stream.ts";

export interface TcpOptions {
  /** A name or an address; by default this machine. */
  readonly host?: string;
  readonly port: number;
}

/** Where servers listen and clients connect if no host is given: this machine only. */
export const DEFAULT_HOST = "127.0.0.1";

/**
 * Connects to a TCP server. Always a checkpoint; cancelled, the attempt is abandoned.
 *
 * @throws ConnectError if the connection cannot be made; its `cause` is the system's error.
 */
export function openTcp(options: TcpOptions): Promise<SocketStream> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => openTcp(options));
  return new ConnectWaiter(scope, { host: options.host ?? DEFAULT_HOST, port: options.port }).promise;
}

class ConnectWaiter extends Waiter<SocketStream> {
  readonly #abandon: () => void;
  #isOver = false;

  constructor(scope: ScopeNode, address: SocketAddress) {
    super(scope);
    const protocol = new TransportStream(
      (stream) => {
        // The connection stood in the very moment in which the attempt was abandoned.
        if (this.#isOver) stream.abort();
        else {
          this.#isOver = true;
          this.wake(stream);
        }
      },
      (cause) => {
        if (this.#isOver) return;
        this.#isOver = true;
        this.fail(() => connectFailed(address, cause));
      },
    );
    this.#abandon = scope.loop.network.connect({ address }, protocol);
  }

  protected override abandoned(): void {
    this.#isOver = true;
    this.#abandon();
  }
}

function connectFailed(address: SocketAddress, cause: Error | undefined): ConnectError {
  return new ConnectError(`connect to ${formatAddress(address)}: ${explain(cause)}`, { cause });
}

function explain(cause: Error | undefined): string {
  const code = cause !== undefined && "code" in cause ? cause.code : undefined;
  switch (code) {
    case "ECONNREFUSED":
      return "nothing listens there (ECONNREFUSED)";
    case "ENOTFOUND":
      return "the host name is not known (ENOTFOUND)";
    case "EMFILE":
      return "this process has no file descriptor left (EMFILE): close connections, or raise `ulimit -n`";
    case "ETIMEDOUT":
      return "no answer (ETIMEDOUT)";
    default:
      return cause?.message || String(code ?? "closed before it stood");
  }
}
