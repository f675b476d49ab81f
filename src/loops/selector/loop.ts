/**
 * A loop whose network is epoll and nonblocking sockets, driven from JavaScript: the event loop of the textbooks, for real.
 *
 * Timers, turns and what else a program needs are Node's, and so is the waiting (see `poller.ts`); behind the port it behaves as `NodeLoop`.
 * It exists to be read and to be measured, and because a readiness loop can do what a completion loop cannot: nothing is read, and no
 * buffer is held, before bytes are there. Linux on x64 and arm64, with Node 26 or the package koffi.
 */
import { InvalidStateError } from "../../kernel/errors.ts";
import type { Network } from "../../kernel/network.ts";
import type { ReadinessSource } from "../../kernel/readiness.ts";
import { NodeLoop } from "../node/loop.ts";
import { Descriptors } from "./descriptors.ts";
import { PolledNetwork } from "./network.ts";
import { Poller } from "./poller.ts";

/**
 * An event loop on epoll: `run(fn, { loop: new SelectorLoop() })`.
 *
 * The system is asked for nothing before the first connection. From then on the loop holds a descriptor until it is closed, after its
 * last run; one that is not closed holds nothing open, and the process gives the descriptor back at its end.
 *
 * @throws UnsupportedError on first use of its network, on a system without epoll or without a way to call it.
 */
export class SelectorLoop extends NodeLoop implements ReadinessSource, Disposable {
  override readonly name = "selector";
  readonly #poller = new Poller(() => this.turnBegan());
  readonly #network = new PolledNetwork(
    this.#poller,
    (ms, callback) => this.callAt(this.time() + ms, callback),
    () => this.turnBegan(),
  );
  readonly #descriptors = new Descriptors(this.#poller);
  #runs = 0;

  override get network(): Network {
    return this.#network;
  }

  onReady(descriptor: number, what: "read" | "write", callback: () => void): () => void {
    return this.#descriptors.onReady(descriptor, what, callback);
  }

  override breathe(): Promise<void> {
    this.#poller.hurry();
    return super.breathe();
  }

  override afterTurn(callback: () => void): void {
    if (this.#poller.afterTurn(callback)) return;
    this.#poller.hurry();
    super.afterTurn(callback);
  }

  override attach(stuck: (what: string) => void): void {
    this.#runs++;
    super.attach(stuck);
  }

  override detach(stuck: (what: string) => void): void {
    this.#runs--;
    super.detach(stuck);
  }

  /**
   * Breaks off all connections, closes all listeners, and gives the loop's descriptors back. Idempotent. Timers go on.
   *
   * @throws InvalidStateError while a run is under way on it.
   */
  close(): void {
    if (this.#runs > 0) throw new InvalidStateError("close a SelectorLoop after its last run has ended, not within");
    this.#poller.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
