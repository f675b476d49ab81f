/**
 * The near end of the thread that looks into stretches that are too long.
 *
 * Shared memory says whether a stretch goes on and which: an odd number while one does, a new one each time. The thread (`debug-watcher.ts`) looks
 * at it from time to time; finding the same odd number for too long, it pauses this thread, takes the stack, posts it and lets
 * this thread go on. So what it has found is there when the stretch ends. Only the main thread of a process can be looked into so; in
 * others stretches are measured alone.
 */
import { isMainThread, MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";

/** Indices into the shared memory. */
export const STRETCH = 0;
export const SLOW = 1;
export const READY = 2;
const CELLS = 3;

/** What the thread is given. */
export interface WatcherData {
  readonly memory: SharedArrayBuffer;
  readonly port: MessagePort;
}

/** What the thread has found. */
export interface Finding {
  readonly stretch: number;
  readonly frames: readonly string[];
}

/** How long this thread waits for the other one to begin: what blocks in the first moment should be seen, too. */
const START_MS = 2_000;

export class Watch {
  readonly #cells: Int32Array;
  readonly #port: MessagePort;
  readonly #worker: Worker | undefined;
  #slowMs: number = Infinity;

  constructor() {
    const memory = new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT);
    this.#cells = new Int32Array(memory);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.unref();
    if (!isMainThread) return;
    // The same ending as this file: the source, or what it was compiled to.
    const file = new URL(`./debug-watcher${import.meta.url.slice(-3)}`, import.meta.url);
    const workerData: WatcherData = { memory, port: port2 };
    this.#worker = new Worker(file, { workerData, transferList: [port2], execArgv: [], name: "coppice debug watch" });
    this.#worker.on("error", () => {});
    this.#worker.unref();
    Atomics.wait(this.#cells, READY, 0, START_MS);
  }

  /** How long a stretch may be, in milliseconds. */
  get slowMs(): number {
    return this.#slowMs;
  }

  set slowMs(ms: number) {
    this.#slowMs = ms;
    Atomics.store(this.#cells, SLOW, Math.min(Math.max(Math.floor(ms), 1), 2 ** 31 - 1));
  }

  began(): void {
    const stretch = this.#cells[STRETCH] as number;
    Atomics.store(this.#cells, STRETCH, (stretch | 1) + (stretch & 1) * 2);
  }

  ended(): void {
    Atomics.store(this.#cells, STRETCH, ((this.#cells[STRETCH] as number) | 1) + 1);
  }

  /** The stack in the midst of the stretch that has just ended, if it was looked at. */
  frames(): readonly string[] {
    const last = (this.#cells[STRETCH] as number) - 1;
    let frames: readonly string[] = [];
    for (
      let message = receiveMessageOnPort(this.#port);
      message !== undefined;
      message = receiveMessageOnPort(this.#port)
    ) {
      const finding = message.message as Finding;
      if (finding.stretch === last) frames = finding.frames;
    }
    return frames;
  }

  end(): void {
    this.#port.close();
    void this.#worker?.terminate();
  }
}
