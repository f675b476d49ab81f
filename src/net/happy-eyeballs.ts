/**
 * Connecting to a name that stands for several addresses: they race, after RFC 8305 ("happy eyeballs").
 *
 *   looking up --found--> attempting --one stands--> won: every other attempt is given up
 *                                    --all failed--> lost: one error that has each address and its reason
 *
 * The families take turns, beginning with that of the resolver's first address. The next attempt begins when the latest one fails, or
 * 250 ms after it began. Invariant: no attempt is given up before one has won, however long it takes; a slow answer is better than none.
 *
 * It is one wait with callbacks below, no group of tasks: a cancellation then cuts it as it cuts every wait, and its errors
 * are built where it is awaited.
 */
import { formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { ErrorGroup } from "../kernel/error-group.ts";
import type { ResolvedAddress } from "../kernel/network.ts";
import type { Timer } from "../kernel/ports.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import { ConnectError } from "../streams/errors.ts";
import type { TransportStream } from "../streams/transport-stream.ts";
import { Attempt } from "./attempt.ts";
import { whyNotConnected } from "./reasons.ts";

export interface RaceOptions {
  /** The name, as the user gave it, and the port. */
  readonly address: SocketAddress;
  readonly localHost: string | undefined;
  /** Only addresses of this family are tried, where it is given. */
  readonly family: 4 | 6 | undefined;
  readonly delayMs: number;
}

interface Failure {
  readonly address: SocketAddress;
  readonly cause: Error | undefined;
}

export class ConnectRace extends Waiter<TransportStream> {
  readonly #options: RaceOptions;
  #untried: SocketAddress[] = [];
  readonly #attempts: Attempt<SocketAddress>[] = [];
  readonly #failures: Failure[] = [];
  #begun = 0;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(scope: ScopeNode, options: RaceOptions) {
    super(scope);
    this.#options = options;
    scope.loop.network.resolve(options.address.host).then(
      (found) => this.#found(found),
      (cause: unknown) => this.#end(() => connectFailed(options.address, cause)),
    );
  }

  protected override abandoned(): void {
    this.#giveUp();
  }

  #found(found: readonly ResolvedAddress[]): void {
    if (this.#isOver) return;
    const { address, family } = this.#options;
    const fitting = family === undefined ? found : found.filter((one) => one.family === family);
    this.#untried = interleave(fitting).map((host) => ({ host, port: address.port }));
    if (this.#untried.length === 0) this.#end(() => noAddress(this.#options, found));
    else this.#attemptNext();
  }

  #attemptNext(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const address = this.#untried.shift();
    if (address === undefined) return;
    const { loop } = this.scope;
    const number = ++this.#begun;
    const { delayMs, localHost } = this.#options;
    if (this.#untried.length > 0 && delayMs !== Infinity) {
      this.#timer = loop.callAt(loop.time() + delayMs, () => this.#attemptNext());
    }
    const options = localHost === undefined ? { address } : { address, localHost };
    const attempt = new Attempt<SocketAddress>(loop.network, options, {
      made: (stream) => {
        this.#giveUp();
        this.wake(stream);
      },
      failed: (cause) => {
        this.#failures.push({ address, cause });
        if (this.#failures.length === this.#begun && this.#untried.length === 0) this.#end(() => this.#allFailed());
        else if (number === this.#begun) this.#attemptNext();
      },
    });
    this.#attempts.push(attempt);
  }

  /** Those that are over already do nothing. */
  #giveUp(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    for (const attempt of this.#attempts) attempt.giveUp();
  }

  #end(make: () => ConnectError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.fail(make);
  }

  #allFailed(): ConnectError {
    const { address } = this.#options;
    const [first, ...others] = this.#failures as [Failure, ...Failure[]];
    if (others.length === 0) {
      const message = `connect to ${formatAddress(address)} (${first.address.host}): ${whyNotConnected(first.cause)}`;
      return new ConnectError(message, { cause: first.cause });
    }
    const reasons = this.#failures.map(({ address: { host }, cause }) => `${host}: ${whyNotConnected(cause)}`);
    const errors = this.#failures.map((failure) => connectFailed(failure.address, failure.cause));
    const message = `connect to ${formatAddress(address)}: none of its ${errors.length} addresses can be reached`;
    return new ConnectError(`${message}: ${reasons.join("; ")}`, { cause: new ErrorGroup(errors, message) });
  }
}

/** The error of an attempt to connect to one address, or of the lookup of a name. */
export function connectFailed(address: SocketAddress, cause: unknown): ConnectError {
  return new ConnectError(`connect to ${formatAddress(address)}: ${whyNotConnected(cause)}`, { cause });
}

/** The addresses, each once: the families in turn, beginning with the first one's, in the resolver's order within each. */
export function interleave(found: readonly ResolvedAddress[]): string[] {
  const firstFamily = found[0]?.family;
  const own = found.filter(({ family }) => family === firstFamily);
  const other = found.filter(({ family }) => family !== firstFamily);
  const mixed: string[] = [];
  for (let index = 0; index < Math.max(own.length, other.length); index++) {
    for (const one of [own[index], other[index]]) if (one !== undefined) mixed.push(one.address);
  }
  return [...new Set(mixed)];
}

function noAddress({ address, localHost, family }: RaceOptions, found: readonly ResolvedAddress[]): ConnectError {
  const why =
    found.length === 0
      ? "the host name has no address"
      : `the host name has no IPv${family} address, and ${localHost} can connect to no other`;
  return new ConnectError(`connect to ${formatAddress(address)}: ${why}`, { cause: undefined });
}
