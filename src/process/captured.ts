/** What a child writes to one of its pipes, kept up to a limit. */
import type { ReceiveStream } from "../streams/byte-stream.ts";
import { printedCommand } from "./command.ts";
import { OutputLimitError } from "./errors.ts";

export class Captured {
  readonly #chunks: Uint8Array[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Receives until end-of-file. */
  async collect(stream: ReceiveStream, name: string, command: readonly string[]): Promise<void> {
    for await (const chunk of stream) {
      this.#bytes += chunk.length;
      if (this.#bytes > this.#maxBytes) {
        throw new OutputLimitError(
          `${printedCommand(command)}: ${name} is longer than maxOutputBytes (${this.#maxBytes}): ` +
            "raise that limit, let the output go to a file, or read it as it comes (openProcess)",
        );
      }
      this.#chunks.push(chunk);
    }
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
