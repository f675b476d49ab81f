/**
 * Telling the operator about connections that were not accepted: once, and then at most once a minute, with the number of those
 * in between. What fails once tends to fail a thousand times, and a log that it fills is of no use.
 */
import type { Loop } from "../kernel/ports.ts";

const INTERVAL_MS = 60_000;

export class AcceptLog {
  readonly #loop: Loop;
  readonly #code: string;
  #toldAt = -Infinity;
  #untold = 0;

  constructor(loop: Loop, code: string) {
    this.#loop = loop;
    this.#code = code;
  }

  tell(message: string): void {
    const now = this.#loop.time();
    if (now - this.#toldAt < INTERVAL_MS) {
      this.#untold++;
      return;
    }
    const more = this.#untold === 0 ? "" : ` (${this.#untold} more since that was last said)`;
    this.#toldAt = now;
    this.#untold = 0;
    this.#loop.warn(message + more, this.#code);
  }
}
