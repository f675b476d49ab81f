/**
 * A descriptor that Node's own event loop watches: a `uv_poll_t`, made through the functions of libuv that Node carries.
 *
 * While it is started, the loop wakes up when the descriptor becomes readable, and stays alive as for a socket. What libuv calls then
 * is a function of its own that only reads the handle (`uv_is_active`): no JavaScript runs inside of libuv's polling, where
 * exceptions and promise jobs have no place. Whoever was woken finds out in the phase after it (`setImmediate`).
 *
 * The handle's memory is the C library's, and freed by libuv when it has let go of it.
 */
import { isMainThread } from "node:worker_threads";
import { defineAll, foreign, returning } from "./binding.ts";
import { systemError } from "./errors.ts";

const UV_POLL = 8;
const UV_READABLE = 1;

interface Libuv {
  uv_default_loop(): bigint;
  uv_handle_size(type: number): bigint | number;
  uv_poll_init(loop: bigint, handle: bigint, fd: number): number;
  uv_poll_start(handle: bigint, events: number, callback: bigint): number;
  uv_poll_stop(handle: bigint): number;
  uv_close(handle: bigint, callback: bigint): void;
  calloc(count: bigint, size: bigint): bigint;
}

const prototypes = {
  uv_default_loop: returning("pointer"),
  uv_handle_size: returning("u64", "i32"),
  uv_poll_init: returning("i32", "pointer", "pointer", "i32"),
  uv_poll_start: returning("i32", "pointer", "i32", "pointer"),
  uv_poll_stop: returning("i32", "pointer"),
  uv_close: returning("void", "pointer", "pointer"),
  calloc: returning("pointer", "u64", "u64"),
};

interface Loaded {
  readonly functions: Libuv;
  readonly readOnly: bigint;
  readonly free: bigint;
}

let loaded: Loaded | undefined;

export class UvPoll {
  readonly #handle: bigint;
  readonly #uv: Loaded;
  #state: "idle" | "started" | "closed" = "idle";

  /** @throws SystemError, and plain errors where libuv's functions are not to be found. */
  constructor(fd: number) {
    if (!isMainThread) throw new Error("a worker aborts the process if it is ended while a handle of ours is open");
    loaded ??= load();
    this.#uv = loaded;
    const { functions } = loaded;
    this.#handle = functions.calloc(1n, BigInt(functions.uv_handle_size(UV_POLL)));
    const result = functions.uv_poll_init(foreign().eventLoop() ?? functions.uv_default_loop(), this.#handle, fd);
    if (result < 0) throw systemError(-result, "uv_poll_init");
  }

  start(): void {
    if (this.#state !== "idle") return;
    this.#state = "started";
    this.#uv.functions.uv_poll_start(this.#handle, UV_READABLE, this.#uv.readOnly);
  }

  stop(): void {
    if (this.#state !== "started") return;
    this.#state = "idle";
    this.#uv.functions.uv_poll_stop(this.#handle);
  }

  /** To be called before the descriptor is closed. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#uv.functions.uv_close(this.#handle, this.#uv.free);
  }
}

function load(): Loaded {
  const { address } = foreign();
  return { functions: defineAll<Libuv>(prototypes), readOnly: address("uv_is_active"), free: address("free") };
}
