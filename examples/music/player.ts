/**
 * Plays a synthesizer into a stream, at the pace of the loop's clock.
 *
 * The sample clock: what is due is what the time since the beginning says, whatever has been rendered, so nothing adds up over hours.
 * Before notes change, all that is due so far is rendered; so a change is heard at its time, to the sample.
 */
import { currentLoop, sleep } from "coppice";
import type { SendStream } from "coppice/net";
import { SAMPLES_PER_SECOND, type Synthesizer } from "./synthesizer.ts";

const BLOCK_MS = 20;

export class Player {
  readonly #synthesizer: Synthesizer;
  readonly #beganAt = currentLoop().time();
  #blocks: Uint8Array[] = [];
  #rendered = 0;

  constructor(synthesizer: Synthesizer) {
    this.#synthesizer = synthesizer;
  }

  /** How many samples have been rendered. */
  get rendered(): number {
    return this.#rendered;
  }

  /** Changes what sounds, from now on. */
  change<T>(how: (synthesizer: Synthesizer) => T): T {
    this.#catchUp();
    return how(this.#synthesizer);
  }

  /** Sends samples until it is cancelled. Always a checkpoint. */
  async playTo(stream: SendStream): Promise<never> {
    for (;;) {
      await sleep(BLOCK_MS);
      await this.flush(stream);
    }
  }

  /** Sends what is due by now. Always a checkpoint. */
  async flush(stream: SendStream): Promise<void> {
    this.#catchUp();
    const blocks = this.#blocks;
    this.#blocks = [];
    for (const block of blocks) await stream.send(block);
  }

  #catchUp(): void {
    const elapsedMs = currentLoop().time() - this.#beganAt;
    const due = Math.floor((elapsedMs * SAMPLES_PER_SECOND) / 1_000) - this.#rendered;
    if (due <= 0) return;
    this.#rendered += due;
    this.#blocks.push(this.#synthesizer.render(due));
  }
}
