/**
 * The private stream under Node's TLS: what the engine is fed comes out of it, and what TLS writes goes to the engine's user.
 *
 * Each write is taken at once; who cannot pass it on keeps it. So Node has at most one write of its own under way, of which it hears
 * in the next turn of the event loop. Its end is not closed with the last write of TLS, as alerts may follow.
 */
import { Duplex } from "node:stream";

export class CiphertextPipe extends Duplex {
  readonly #out: (bytes: Uint8Array) => void;

  constructor(out: (bytes: Uint8Array) => void) {
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#out = out;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#out(chunk);
    done();
  }

  /** In one piece, so that all of it or nothing is passed on. */
  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#out(Buffer.concat(chunks.map(({ chunk }) => chunk)));
    done();
  }

  override end(...args: unknown[]): this {
    const done = args.findLast((argument) => typeof argument === "function") as (() => void) | undefined;
    if (done !== undefined) process.nextTick(done);
    return this;
  }
}
