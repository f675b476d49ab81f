/**
 * Debug mode: who holds the event loop for too long, and where things were made. Loaded when it is first asked for.
 *
 * Measured are stretches: the time from when the host calls into a promise reaction, or a callback of `coppice/loop`, until it
 * returns. Tasks run in promise reactions, always; V8 tells when one begins and ends (`v8.promiseHooks`), and whose it is the ambient value
 * says. While a stretch goes on for too long, a thread beside looks where it is (`debug-watch.ts`).
 *
 * Rejected: `async_hooks` (an event for each object of the host, to find the few that matter); an inspector session in this thread (it cannot
 * look while this thread is busy).
 */
import { promiseHooks } from "node:v8";
import type { Debug } from "../../kernel/instrument.ts";
import { instruments } from "../../kernel/instrument.ts";
import type { Loop, Startable } from "../../kernel/ports.ts";
import { ambient } from "../../kernel/scope.ts";
import { TASK } from "../../kernel/scope-node.ts";
import { VirtualLoop } from "../virtual/loop.ts";
import { capturePlace, type Place, placeText, userFrames } from "./debug-places.ts";
import { Watch } from "./debug-watch.ts";
import { NodeLoop } from "./loop.ts";

const SLOW_MS = 100;

/** Who a stretch belongs to. */
interface Owner {
  readonly loop: Loop;
  readonly what: () => string;
  readonly thing: object;
}

class NodeDebug implements Debug {
  readonly #places = new WeakMap<object, Place>();
  readonly #asked = new Map<object, { readonly loop: Loop; readonly slowMs: number }>();
  /** The lowest limit that is asked for each loop. */
  readonly #slowMs = new Map<Loop, number>();
  #isForAll = false;
  #watch: Watch | undefined;
  #unhook: (() => void) | undefined;
  /** How many stretches are under way, one inside of the other; the outermost is measured. */
  #depth = 0;
  #beganAt = 0;
  /** Named by a callback in the stretch. */
  #owner: Owner | undefined;

  made(thing: object): void {
    if (!this.#places.has(thing)) this.#places.set(thing, capturePlace(this.made));
  }

  madeAt(thing: object): string | undefined {
    const place = this.#places.get(thing);
    return place && placeText("created", place);
  }

  enter(loop: Loop, what: () => string, thing: object): void {
    if (this.#depth++ === 0) this.#begin();
    this.#owner ??= { loop, what, thing };
  }

  leave(): void {
    // One that began before debug mode did was not entered.
    if (this.#depth > 0 && --this.#depth === 0) this.#end();
  }

  watch(asker?: object, loop?: Loop, slowMs: number = SLOW_MS): void {
    if (asker === undefined || loop === undefined) this.#isForAll = true;
    else this.#asked.set(asker, { loop, slowMs });
    this.#watch ??= new Watch();
    this.#setLimits(this.#watch);
    this.#unhook ??= this.#hook();
    instruments.debug = this;
  }

  unwatch(asker: object): void {
    if (!this.#asked.delete(asker) || this.#watch === undefined) return;
    this.#setLimits(this.#watch);
    if (this.#isForAll || this.#asked.size > 0) return;
    this.#unhook?.();
    this.#watch.end();
    this.#unhook = undefined;
    this.#watch = undefined;
    instruments.debug = undefined;
  }

  #setLimits(watch: Watch): void {
    this.#slowMs.clear();
    for (const { loop, slowMs } of this.#asked.values()) {
      this.#slowMs.set(loop, Math.min(slowMs, this.#slowMs.get(loop) ?? Infinity));
    }
    watch.slowMs = Math.min(this.#isForAll ? SLOW_MS : Infinity, ...this.#slowMs.values());
  }

  isWatching(loop: Loop): boolean {
    return this.#isForAll || this.#slowMs.has(loop);
  }

  #hook(): () => void {
    const restored = [NodeLoop.prototype, VirtualLoop.prototype].map((loop) => this.#hookStarts(loop));
    const stop = promiseHooks.createHook({
      before: () => {
        // Reactions are not called one inside of the other; what an earlier one left open was cut off.
        this.#depth = 1;
        this.#begin();
      },
      after: () => this.leave(),
    });
    return () => {
      stop();
      for (const restore of restored) restore();
    };
  }

  /** Every task is started through here, in the call of its spawner. */
  #hookStarts(loop: Pick<Loop, "start">): () => void {
    const { start } = loop;
    const { made } = this;
    const debug = this;
    loop.start = function startNoted(this: Loop, task: Startable): void {
      made.call(debug, task);
      start.call(this, task);
    };
    return () => {
      loop.start = start;
    };
  }

  #begin(): void {
    this.#owner = undefined;
    this.#beganAt = performance.now();
    this.#watch?.began();
  }

  #end(): void {
    this.#watch?.ended();
    const tookMs = performance.now() - this.#beganAt;
    if (this.#watch === undefined || tookMs < this.#watch.slowMs) return;
    const owner = this.#owner ?? currentOwner();
    if (owner === undefined || !this.isWatching(owner.loop)) return;
    const slowMs = this.#slowMs.get(owner.loop) ?? SLOW_MS;
    if (tookMs >= slowMs) this.#report(owner, tookMs, slowMs);
  }

  #report({ loop, what, thing }: Owner, tookMs: number, slowMs: number): void {
    const seen = userFrames(this.#watch?.frames() ?? []);
    const where = seen.length === 0 ? "" : placeText("it was here, in the midst of it", seen);
    loop.warn(
      `${what()} held the event loop for ${tookMs.toFixed(0)} ms, more than ${slowMs} ms: ` +
        `give it turns (await checkpoint()), or do the work elsewhere (runInExecutor)${where}${this.madeAt(thing) ?? ""}`,
      "COPPICE_SLOW_CALLBACK",
    );
  }
}

/** The task of the running code; nobody's outside of every run. */
function currentOwner(): Owner | undefined {
  const node = ambient.get()?.taskNode;
  if (node === undefined) return undefined;
  const what = (node.flags & TASK) === 0 ? `a callback of ${node.name}` : node.title;
  return { loop: node.loop, what: () => what, thing: node };
}

/** The one of this process. */
export const debug: NodeDebug = new NodeDebug();
