/**
 * The load of `coppice bench`: connections that keep a number of calls in flight each, every answer replaced by the next call.
 *
 *   connecting --all connections stand--> measuring --time is up, or all connections are lost--> finishing --> over
 *
 * While finishing, what is in flight may still be answered but is counted no more. A connection that cannot be made fails the
 * whole; one that is lost later is an error like any other, and its calls end.
 *
 * Each call waits for its answer before the next begins, so a server that stalls is asked less meanwhile: the latencies
 * are those of calls that were made, not of calls that a schedule would have asked for.
 */
import { BrokenError } from "../kernel/errors.ts";
import { currentLoop, currentScope } from "../kernel/scope.ts";
import { moveOnAfter } from "../kernel/scopes.ts";
import type { Task } from "../kernel/task.ts";
import { taskGroup } from "../kernel/task-group.ts";
import { RpcError } from "../rpc/errors.ts";
import type { Params } from "../rpc/messages.ts";
import type { Peer } from "../rpc/peer.ts";
import { withPeer } from "../rpc/service.ts";
import { Event } from "../sync/event.ts";
import { LatencyHistogram } from "./latency-histogram.ts";

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  /** Calls in flight on each connection. */
  readonly pipeline: number;
  readonly durationMs: number;
  readonly method: string;
  readonly params: Params | undefined;
}

const FINISH_MS = 2_000;
const LOST = "connection lost";

export class Load {
  readonly latencies: LatencyHistogram = new LatencyHistogram();
  readonly options: LoadOptions;
  readonly #errors = new Map<number | typeof LOST, { readonly kind: string; count: number }>();
  readonly #loop = currentLoop();
  readonly #begun = new Event();
  #open = 0;
  #inFlight = 0;
  #startedAt = 0;
  #endedAt: number | undefined;

  constructor(options: LoadOptions) {
    this.options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get hasBegun(): boolean {
    return this.#begun.isSet;
  }

  /** How long calls were measured, so far or altogether. */
  get elapsedMs(): number {
    return this.hasBegun ? (this.#endedAt ?? this.#loop.time()) - this.#startedAt : 0;
  }

  /** How often each kind of error came: `-32601 Method not found`. The message is the first that came with that code. */
  get errors(): ReadonlyMap<string, number> {
    return new Map([...this.#errors.values()].map(({ kind, count }) => [kind, count]));
  }

  async run(): Promise<void> {
    const { connections, durationMs, url } = this.options;
    await taskGroup(async (group) => {
      const tasks = Array.from({ length: connections }, () =>
        group.spawn(() => withPeer(url, (peer) => this.#use(peer)), { name: "connection" }),
      );
      await this.#begun.wait();
      try {
        await moveOnAfter(durationMs, () => allEnded(tasks));
      } finally {
        this.#endedAt = this.#loop.time();
      }
      await moveOnAfter(FINISH_MS, () => allEnded(tasks));
      group.cancelAll("the time is up");
    });
  }

  async #use(peer: Peer): Promise<void> {
    if (++this.#open === this.options.connections) {
      this.#startedAt = this.#loop.time();
      this.#begun.set();
    }
    await this.#begun.wait();
    await taskGroup((group) => {
      for (let i = 0; i < this.options.pipeline; i++) group.spawn(() => this.#callOn(peer), { name: "calls" });
    });
  }

  async #callOn(peer: Peer): Promise<void> {
    const { method, params } = this.options;
    while (this.#endedAt === undefined) {
      const sentAt = this.#loop.time();
      this.#inFlight++;
      try {
        await peer.request(method, params);
        if (this.#endedAt === undefined) this.latencies.add(this.#loop.time() - sentAt);
      } catch (error) {
        if (!(error instanceof RpcError || error instanceof BrokenError)) throw error;
        // A stop ends connections, which is no fault of the server.
        if (currentScope().isStopping) return;
        this.#countError(error);
        if (error instanceof BrokenError) return;
      } finally {
        this.#inFlight--;
      }
    }
  }

  #countError(error: RpcError | BrokenError): void {
    if (this.#endedAt !== undefined) return;
    const key = error instanceof RpcError ? error.code : LOST;
    const known = this.#errors.get(key);
    if (known !== undefined) known.count++;
    else this.#errors.set(key, { kind: key === LOST ? LOST : `${key} ${error.message}`, count: 1 });
  }
}

async function allEnded(tasks: readonly Task<void>[]): Promise<void> {
  for (const task of tasks) await task;
}
