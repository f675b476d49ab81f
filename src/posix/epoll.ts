/**
 * Sets of descriptors that the kernel watches: `epoll`, level-triggered.
 *
 * `struct epoll_event` is a mask of 32 bits and 64 bits of the user's. On x64 it is packed (12 bytes, the user's at 4); elsewhere
 * it is aligned (16 bytes, at 8). The user's half holds the descriptor and a `stamp`, by which whoever reads the events knows one that was
 * meant for an earlier owner of the same number.
 */
import { EINTR, systemError } from "./errors.ts";
import { errno, libc } from "./library.ts";
import { closeDescriptor } from "./sockets.ts";

export const EPOLLIN = 1;
export const EPOLLOUT = 4;
/** Always reported, asked for or not. */
export const EPOLLERR = 8;
/** Always reported, asked for or not. */
export const EPOLLHUP = 16;

const EPOLL_CLOEXEC = 0o2000000;
const ADD = 1;
const DELETE = 2;
const MODIFY = 3;

/** More are reported by the next call. */
const MOST_EVENTS = 256;

const isPacked = process.arch === "x64";
const EVENT_WORDS = isPacked ? 3 : 4;
const DATA_WORD = isPacked ? 1 : 2;

// The events are little endian on both machines, as typed arrays are there.
const change = new Uint32Array(EVENT_WORDS);
const changeBytes = new Uint8Array(change.buffer);

export class Epoll {
  readonly fd: number;
  readonly #events = new Uint32Array(EVENT_WORDS * MOST_EVENTS);
  readonly #bytes = new Uint8Array(this.#events.buffer);

  /** @throws SystemError */
  constructor() {
    this.fd = libc().epoll_create1(EPOLL_CLOEXEC);
    if (this.fd === -1) throw systemError(errno(), "epoll_create1");
  }

  /** Answers 0, or the negated error: `EEXIST`, `EPERM` for what cannot be waited on, `EBADF`. */
  add(fd: number, events: number, stamp: number): number {
    return this.#control(ADD, fd, events, stamp);
  }

  modify(fd: number, events: number, stamp: number): number {
    return this.#control(MODIFY, fd, events, stamp);
  }

  remove(fd: number): number {
    return this.#control(DELETE, fd, 0, 0);
  }

  /**
   * Waits, and the whole thread with it, at most `timeoutMs` (-1: for ever), and answers how many events there are. A signal in
   * between ends the wait with none.
   *
   * @throws SystemError
   */
  wait(timeoutMs: number): number {
    const count = libc().epoll_wait(this.fd, this.#bytes, MOST_EVENTS, timeoutMs);
    if (count !== -1) return count;
    const number = errno();
    if (number === EINTR) return 0;
    throw systemError(number, "epoll_wait");
  }

  /** Of the event at `index` of the last wait: its mask. */
  maskAt(index: number): number {
    return this.#events[index * EVENT_WORDS] as number;
  }

  fdAt(index: number): number {
    return this.#events[index * EVENT_WORDS + DATA_WORD] as number;
  }

  stampAt(index: number): number {
    return this.#events[index * EVENT_WORDS + DATA_WORD + 1] as number;
  }

  close(): void {
    closeDescriptor(this.fd);
  }

  #control(operation: number, fd: number, events: number, stamp: number): number {
    change[0] = events;
    change[DATA_WORD] = fd;
    change[DATA_WORD + 1] = stamp;
    return libc().epoll_ctl(this.fd, operation, fd, changeBytes) === -1 ? -errno() : 0;
  }
}
