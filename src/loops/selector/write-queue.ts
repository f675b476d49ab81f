/** What a connection has been given to send and the system has not taken yet, in order. */
import { EAGAIN, EINTR } from "../../posix/errors.ts";
import { send } from "../../posix/sockets.ts";

export class WriteQueue {
  #chunks: Uint8Array[] = [];
  /** The chunks before it are sent. */
  #head = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Sends `bytes` as far as the system takes them now, and keeps the rest. Answers 0 or the negated error. */
  write(fd: number, bytes: Uint8Array): number {
    let rest = bytes;
    if (this.#bytes === 0) {
      const sent = send(fd, bytes);
      if (sent === bytes.length) return 0;
      if (sent >= 0) rest = bytes.subarray(sent);
      else if (!isPassing(sent)) return sent;
    }
    this.#chunks.push(rest);
    this.#bytes += rest.length;
    return 0;
  }

  /** Sends what the system takes. Answers 0 or the negated error. */
  flush(fd: number): number {
    while (this.#bytes > 0) {
      const chunk = this.#chunks[this.#head] as Uint8Array;
      const sent = send(fd, chunk);
      if (sent < 0) return isPassing(sent) ? 0 : sent;
      this.#bytes -= sent;
      if (sent < chunk.length) {
        this.#chunks[this.#head] = chunk.subarray(sent);
        return 0;
      }
      this.#head++;
      if (this.#head === this.#chunks.length) this.clear();
    }
    return 0;
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}

function isPassing(result: number): boolean {
  return result === -EAGAIN || result === -EINTR;
}
