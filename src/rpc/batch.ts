/**
 * A batch of requests: its answers go out together, in the order of the requests, when the last is there.
 * Notifications leave no answer; a batch of nothing else is not answered at all.
 */
import type { ReplyTo } from "./requests.ts";

export class Batch {
  readonly #answers: (string | undefined)[];
  #missing: number;
  readonly #whole: ReplyTo;

  constructor(size: number, whole: ReplyTo) {
    this.#answers = new Array(size).fill(undefined);
    this.#missing = size;
    this.#whole = whole;
  }

  /** Where the request at `index` replies to. */
  slot(index: number): ReplyTo {
    return {
      reply: (text) => {
        this.#answers[index] = text;
        if (--this.#missing > 0) return;
        const answers = this.#answers.filter((answer) => answer !== undefined);
        this.#whole.reply(answers.length > 0 ? `[${answers.join(",")}]` : undefined);
      },
    };
  }
}
