/**
 * Messages on their way out of one connection.
 *
 *   idle --push--> due (one flush at the end of this turn) --flushed--> idle
 *                                                          --stream full--> blocked (a task sends, waiting for room) --all sent--> idle
 *
 * What is pushed in one turn of the event loop leaves in one write: that is worth a factor of eight for pipelined calls. And the
 * writes of all connections follow each other at the end of the turn, which keeps those who read them awake: a tenth of the throughput.
 * While blocked, the connection's reader stops reading, so a peer that sends and never reads cannot
 * fill this side's memory.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { BrokenError, ClosedError } from "../kernel/errors.ts";
import type { TaskGroup } from "../kernel/group.ts";
import { DONE } from "../kernel/microtask.ts";
import { currentLoop, currentNode } from "../kernel/scope.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import { FrameError } from "../streams/errors.ts";
import type { Framing } from "../streams/framing/framing.ts";

/** How much text is gathered before it is written without waiting for more. */
const SLICE_LENGTH = 64 * 1024;

export class Outbox {
  readonly #stream: ByteStream;
  readonly #framing: Framing;
  readonly #loop = currentLoop();
  #texts: string[] = [];
  /** The length of all texts. */
  #gathered = 0;
  #state: "idle" | "due" | "blocked" | "ended" = "idle";
  #group: TaskGroup | undefined;
  readonly #waiting = new WaitQueue<Waiter<void>>();

  constructor(stream: ByteStream, framing: Framing) {
    this.#stream = stream;
    this.#framing = framing;
  }

  /** Where the task that waits for room runs. */
  begin(group: TaskGroup): void {
    this.#group = group;
    if (this.#texts.length === 0 || this.#state !== "idle") return;
    this.#state = "due";
    this.#flush();
  }

  get isBlocked(): boolean {
    return this.#state === "blocked";
  }

  /** @throws FrameError if `text` is too large for a frame. */
  checkSize(text: string): void {
    const { maxFrameBytes } = this.#framing;
    // A unit of UTF-16 becomes three bytes at the most, so most texts need not be counted.
    if (text.length * 3 > maxFrameBytes && Buffer.byteLength(text) > maxFrameBytes) {
      throw new FrameError(
        `a message of ${Buffer.byteLength(text)} bytes is larger than maxFrameBytes (${maxFrameBytes}): raise that limit on both sides, or send less at once`,
      );
    }
  }

  /** @throws FrameError if `text` is too large for a frame. */
  push(text: string): void {
    this.checkSize(text);
    if (this.#state === "ended") return;
    this.#texts.push(text);
    this.#gathered += text.length;
    if (this.#state === "idle") {
      this.#state = "due";
      this.#loop.afterTurn(this.#flush);
    }
    if (this.#gathered >= SLICE_LENGTH) this.#flush();
  }

  /** Waits until everything has been handed to the stream, or there is no point any more. A checkpoint. */
  flushed(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.flushed());
    if (this.#state === "due") this.#flush();
    if (this.#state !== "blocked") return DONE;
    const waiter = new Waiter<void>(scope);
    this.#waiting.push(waiter);
    return waiter.promise;
  }

  /** Nothing leaves any more. */
  end(): void {
    this.#forgetTexts();
    this.#become("ended");
  }

  readonly #flush = (): void => {
    if (this.#state !== "due") return;
    if (this.#stream.trySend(this.#framing.encode(this.#texts))) {
      this.#forgetTexts();
      this.#become("idle");
    } else if (this.#group === undefined) this.#become("idle");
    else {
      this.#state = "blocked";
      this.#group.spawn(() => this.#sendAll(), { name: "send, waiting for room" });
    }
  };

  /** Sends in slices: what waits for room exists once, as text, and not a second time as bytes. */
  async #sendAll(): Promise<void> {
    try {
      while (this.#texts.length > 0) await this.#stream.send(this.#framing.encode(this.#takeSlice()));
      this.#become("idle");
    } catch (error) {
      // That the connection is gone is for the reader to say.
      if (!(error instanceof BrokenError || error instanceof ClosedError)) throw error;
    } finally {
      if (this.#state === "blocked") this.end();
    }
  }

  #takeSlice(): string[] {
    let count = 0;
    let length = 0;
    while (length < SLICE_LENGTH && count < this.#texts.length) length += this.#texts[count++]?.length ?? 0;
    this.#gathered -= length;
    return this.#texts.splice(0, count);
  }

  #forgetTexts(): void {
    this.#texts = [];
    this.#gathered = 0;
  }

  #become(state: "idle" | "ended"): void {
    this.#state = state;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.wake();
  }
}
