/**
 * The receiving side of a stream, for a reader that at times must wait for something other than bytes.
 *
 *   plain --waiting for room--> reading on (what comes is kept, up to a bound) --all taken--> plain
 *
 * Whoever waits without reading does not notice that the connection has ended: work that waits for a peer which is gone
 * would then keep its place for ever.
 */
import type { ByteStream } from "../streams/byte-stream.ts";

/** How much is kept before nothing more is read; one chunk may exceed it. */
const MAX_AHEAD_BYTES = 64 * 1024;

export class Inlet {
  readonly #stream: ByteStream;
  #isAhead = false;
  #chunks: Uint8Array[] = [];
  #keptBytes = 0;
  /** Never rejects; what it found is in the fields. */
  #receiving: Promise<void> | undefined;
  /** What `receive` gave at last: end-of-file, or an error that it threw. */
  #end: (() => undefined) | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** As `receive` of the stream. */
  receive(): Promise<Uint8Array | undefined> {
    return this.#isAhead ? this.#receiveKept() : this.#stream.receive();
  }

  /**
   * Waits for `room`, reading on meanwhile. False if the connection ended first.
   * @throws what `receive` of the stream throws, cancellation included.
   */
  async readOnUntil(room: Promise<void>): Promise<boolean> {
    let isThere = false;
    const arrival = room.then(() => {
      isThere = true;
    });
    this.#isAhead = true;
    while (!isThere) {
      if (this.#end !== undefined) {
        this.#takeEnd();
        return false;
      }
      await (this.#keptBytes < MAX_AHEAD_BYTES ? Promise.race([arrival, this.#readOn()]) : arrival);
    }
    return true;
  }

  async #receiveKept(): Promise<Uint8Array | undefined> {
    if (this.#chunks.length === 0) await this.#receiving;
    const bytes = this.#chunks.shift();
    if (bytes !== undefined) {
      this.#keptBytes -= bytes.length;
      return bytes;
    }
    if (this.#end !== undefined) return this.#takeEnd();
    this.#isAhead = false;
    return await this.#stream.receive();
  }

  /** Told once: asked again, the stream says the same, and a cancellation concerns only those whom it reached. */
  #takeEnd(): undefined {
    const end = this.#end;
    this.#end = undefined;
    return end?.();
  }

  #readOn(): Promise<void> {
    this.#receiving ??= this.#stream.receive().then(
      (bytes) => {
        this.#receiving = undefined;
        if (bytes === undefined) this.#end = () => undefined;
        else {
          this.#chunks.push(bytes);
          this.#keptBytes += bytes.length;
        }
      },
      (error: unknown) => {
        this.#receiving = undefined;
        this.#end = () => {
          throw error;
        };
      },
    );
    return this.#receiving;
  }
}
