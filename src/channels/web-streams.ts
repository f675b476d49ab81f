/** The streams of the web platform, as `Inflow` and `Outflow` see them. */
import type { Inflow } from "./stream-receiver.ts";
import type { Outflow, OutflowEvents } from "./stream-sender.ts";

export class WebInflow<T> implements Inflow<T> {
  readonly #reader: ReadableStreamDefaultReader<T>;

  constructor(stream: ReadableStream<T>) {
    this.#reader = stream.getReader();
  }

  pull(): Promise<IteratorResult<T, unknown>> {
    return this.#reader.read() as Promise<IteratorResult<T, unknown>>;
  }

  release(): void {
    this.#reader.releaseLock();
  }

  cancel(reason: unknown): Promise<void> {
    const cancelled = this.#reader.cancel(reason);
    this.#reader.releaseLock();
    return cancelled;
  }
}

export class WebOutflow<T> implements Outflow<T> {
  readonly #writer: WritableStreamDefaultWriter<T>;
  readonly #events: OutflowEvents;
  #isOver = false;

  constructor(stream: WritableStream<T>, events: OutflowEvents) {
    this.#events = events;
    this.#writer = stream.getWriter();
    this.#writer.closed.catch((error: unknown) => {
      this.#release();
      events.failed(error);
    });
    this.#watchForRoom();
  }

  get hasRoom(): boolean {
    return (this.#writer.desiredSize ?? 0) > 0;
  }

  write(value: T): void {
    // A write that fails makes the stream fail, and that is told once.
    this.#writer.write(value).catch(() => {});
    this.#watchForRoom();
  }

  async end(): Promise<void> {
    try {
      await this.#writer.close();
    } finally {
      this.#release();
    }
  }

  abort(reason: unknown): void {
    if (this.#isOver) return;
    void this.#writer.abort(reason);
    this.#release();
  }

  #watchForRoom(): void {
    if (this.hasRoom) return;
    this.#writer.ready.then(
      () => {
        if (!this.#isOver) this.#events.drained();
      },
      () => {},
    );
  }

  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#writer.releaseLock();
  }
}
