/**
 * Callbacks for descriptors that can be read or written, and the socket calls built on them: `addReader`, `sockRecv` and kin of asyncio.
 * Only a loop that watches descriptors itself has them. The sockets are those of `coppice/selector`, nonblocking; what is asked of them is written down
 * here, as this layer does not know that one.
 */
import type { Address } from "../kernel/addresses.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { ClosedError, InvalidStateError } from "../kernel/errors.ts";
import { instruments } from "../kernel/instrument.ts";
import type { Loop } from "../kernel/ports.ts";
import { quietly } from "../kernel/quiet.ts";
import { hasReadiness, type ReadinessSource } from "../kernel/readiness.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import { WouldBlockError } from "../posix/errors.ts";
import type { Callback } from "./handle.ts";
import type { Home } from "./home.ts";

/** What has a descriptor, and tells, if it can, when that is being closed: the system will not tell of it any more. */
interface Waited {
  readonly fd: number;
  readonly onClose?: (callback: () => void) => () => void;
}

/** A descriptor, or what has one. */
export type Descriptor = number | Waited;

/** What the socket calls ask of a socket: a `Socket` of `coppice/selector` that is not blocking. */
export interface NonblockingSocket extends Waited {
  readonly isBlocking: boolean;
  recv(maxBytes?: number): Uint8Array | undefined;
  send(bytes: Uint8Array): number;
  connect(address: Address): void;
  finishConnect(): void;
}

/** A socket that accepts others. */
export interface AcceptingSocket<S> extends Waited {
  readonly isBlocking: boolean;
  accept(): S;
}

type What = "read" | "write";

export class DescriptorCallbacks {
  readonly #home: Home;
  readonly #release = new Map<string, () => void>();

  constructor(home: Home) {
    this.#home = home;
  }

  add<A extends unknown[]>(descriptor: Descriptor, what: What, callback: Callback<A>, args: A): void {
    const source = sourceOf(this.#home.loop, what === "read" ? "addReader" : "addWriter");
    const { exceptions, loop } = this.#home;
    const inContext = this.#home.context();
    const fd = numberOf(descriptor);
    const call = (): void => {
      const { debug } = instruments;
      debug?.enter(loop, () => `${what === "read" ? "reader" : "writer"} of descriptor ${fd}`, call);
      try {
        callback(...args);
      } catch (error) {
        exceptions.report({ message: `the callback to ${what} descriptor ${fd} threw`, error, source: call });
      } finally {
        debug?.leave();
      }
    };
    instruments.debug?.made(call);
    this.remove(descriptor, what);
    const release = source.onReady(fd, what, () => inContext(call));
    const forget = typeof descriptor === "number" ? undefined : descriptor.onClose?.(() => this.remove(fd, what));
    this.#release.set(`${what} ${fd}`, () => {
      forget?.();
      release();
    });
  }

  remove(descriptor: Descriptor, what: What): boolean {
    const key = `${what} ${numberOf(descriptor)}`;
    this.#release.get(key)?.();
    return this.#release.delete(key);
  }

  removeAll(): void {
    for (const release of this.#release.values()) release();
    this.#release.clear();
  }
}

/** At most `maxBytes`; `undefined` at the end. */
export function receive(
  loop: Loop,
  socket: NonblockingSocket,
  maxBytes: number | undefined,
): Promise<Uint8Array | undefined> {
  return attempts(loop, "sockRecv", socket, "read", () => socket.recv(maxBytes));
}

export async function sendAll(loop: Loop, socket: NonblockingSocket, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  do {
    const sent = await attempts(loop, "sockSendAll", socket, "write", () => socket.send(rest));
    rest = rest.subarray(sent);
  } while (rest.length > 0);
}

export function accept<S extends { setBlocking(isBlocking: boolean): void }>(
  loop: Loop,
  socket: AcceptingSocket<S>,
): Promise<S> {
  return attempts(loop, "sockAccept", socket, "read", () => {
    const accepted = socket.accept();
    accepted.setBlocking(false);
    return accepted;
  });
}

export function connect(loop: Loop, socket: NonblockingSocket, address: Address): Promise<void> {
  let hasBegun = false;
  return attempts(loop, "sockConnect", socket, "write", () => {
    if (hasBegun) {
      socket.finishConnect();
      return;
    }
    hasBegun = true;
    socket.connect(address);
  });
}

/** Calls `attempt` until it need not wait; in between, waits until the socket is ready. */
function attempts<T>(
  loop: Loop,
  name: string,
  socket: Waited & { readonly isBlocking: boolean },
  what: What,
  attempt: () => T,
): Promise<T> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => attempts(loop, name, socket, what, attempt));
  return quietly(async () => {
    const source = sourceOf(loop, name);
    if (socket.isBlocking)
      throw new InvalidStateError(`${name} on a blocking socket, which would hold the loop: setBlocking(false) first`);
    for (;;) {
      try {
        return attempt();
      } catch (error) {
        if (!(error instanceof WouldBlockError)) throw error;
      }
      await new ReadyWaiter(currentNode(), source, socket, what, name).promise;
    }
  });
}

class ReadyWaiter extends Waiter<void> {
  readonly #release: () => void;

  constructor(scope: ScopeNode, source: ReadinessSource, socket: Waited, what: What, name: string) {
    // Refused, it must not have become a wait.
    let ready: () => void = () => {};
    const release = source.onReady(socket.fd, what, () => ready());
    super(scope);
    const forget = socket.onClose?.(() => {
      this.#release();
      this.fail(() => new ClosedError(`${name} of a socket that was closed here`));
    });
    this.#release = () => {
      forget?.();
      release();
    };
    ready = () => {
      this.#release();
      this.wake();
    };
  }

  protected override abandoned(): void {
    this.#release();
  }
}

function sourceOf(loop: Loop, what: string): ReadinessSource {
  if (hasReadiness(loop)) return loop;
  throw new InvalidStateError(`${what}: loop "${loop.name}" watches no descriptors: use a SelectorLoop`);
}

function numberOf(descriptor: Descriptor): number {
  return typeof descriptor === "number" ? descriptor : descriptor.fd;
}
