/**
 * A readiness selector: which of many descriptors can be read or written now, and which timed callbacks are due.
 *
 * One key per descriptor, until it is unregistered or its socket is closed. The kernel's events are matched with keys by
 * descriptor and by a stamp of the registration, so an event for a descriptor that was closed, whose number another one has by now, is
 * dropped: within the batch of a `select`, too, which skips the keys that went meanwhile.
 */
import { describe } from "../kernel/check-function.ts";
import { ClosedError, InvalidStateError } from "../kernel/errors.ts";
import type { Timer } from "../kernel/ports.ts";
import { printsAs } from "../kernel/printed.ts";
import { TimerQueue } from "../kernel/timer-queue.ts";
import { monotonicMs } from "../posix/clock.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, Epoll } from "../posix/epoll.ts";
import { EEXIST, systemError } from "../posix/errors.ts";
import { ReadyEntries, type ReadyList } from "./ready-list.ts";
import { Registration, type SelectorKey } from "./selector-key.ts";
import type { Socket } from "./socket.ts";

/** Data, a connection to accept, or the end of the data has come. */
export const EVENT_READ = 1;
/** Something can be sent, or a connection was made, or failed. */
export const EVENT_WRITE = 2;

/** The system's own timeouts have 31 bits; what is longer is waited for in steps. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;
const LARGEST_STAMP = 2 ** 32;

/**
 * Waits for many sockets at once, in a synchronous program: epoll, level-triggered. Events are a mask of `EVENT_READ` and `EVENT_WRITE`.
 *
 * For teaching, tests and synchronous programs: `select` blocks the whole thread, with every task, timer and promise in it. Servers
 * use `coppice/net`, on whichever loop. Linux on x64 and arm64, with Node 26 or the package koffi.
 *
 * @example
 * ```ts
 * const selector = new Selector<(events: number) => void>();
 * selector.register(listener, EVENT_READ, () => serve(listener.accept()));
 * for (;;) {
 *   for (const { key, events } of selector.select()) key.data(events);
 * }
 * ```
 */
export class Selector<T = unknown> implements Disposable {
  readonly #epoll = new Epoll();
  readonly #keys = new Map<number, Registration<T>>();
  readonly #timers = new TimerQueue();
  #nextStamp = 1;
  #isClosed = false;

  /** How many descriptors are registered. */
  get size(): number {
    return this.#keys.size;
  }

  /**
   * Watches a socket, or any descriptor that can be waited on, for `events`; `data` is the caller's own. Closing the socket ends that.
   *
   * @throws InvalidStateError if it is registered already.
   * @throws SystemError if it cannot be waited on (`EPERM`: a regular file) or is not open (`EBADF`).
   */
  register(target: Socket | number, events: number, data: T): SelectorKey<T> {
    this.#checkOpen("register");
    const fd = descriptorOf(target);
    const mask = maskOf(events);
    this.#nextStamp = (this.#nextStamp + 1) % LARGEST_STAMP;
    const result = this.#epoll.add(fd, mask, this.#nextStamp);
    if (result === -EEXIST) {
      throw new InvalidStateError(
        `register: descriptor ${fd} is registered already; modify() changes what it waits for`,
      );
    }
    if (result < 0) throw systemError(-result, "epoll_ctl", `descriptor ${fd}`);
    // One that was closed behind our back, whose number this one has now.
    this.#keys.get(fd)?.end();
    const release = typeof target === "number" ? () => {} : target.onClose(() => this.#drop(key));
    const key = new Registration<T>({ target, fd, events, data }, this.#nextStamp, release);
    this.#keys.set(fd, key);
    return key;
  }

  /**
   * Changes the events, and the data if there are new ones.
   *
   * @throws InvalidStateError if it is not registered.
   */
  modify(target: Socket | number, events: number, ...data: [] | [data: T]): SelectorKey<T> {
    this.#checkOpen("modify");
    const key = this.#keyOf(target, "modify");
    const result = this.#epoll.modify(key.fd, maskOf(events), key.stamp);
    if (result < 0) throw systemError(-result, "epoll_ctl", `descriptor ${key.fd}`);
    key.events = events;
    if (data.length > 0) key.data = data[0] as T;
    return key;
  }

  /**
   * Ends the watching; the socket stays open.
   *
   * @throws InvalidStateError if it is not registered.
   */
  unregister(target: Socket | number): SelectorKey<T> {
    this.#checkOpen("unregister");
    const key = this.#keyOf(target, "unregister");
    this.#drop(key);
    return key;
  }

  /** What it is registered with; `undefined` if it is not. */
  getKey(target: Socket | number): SelectorKey<T> | undefined {
    return this.#keys.get(descriptorOf(target));
  }

  /** The clock of the timed callbacks: milliseconds with fractions since some moment in the past. */
  time(): number {
    return monotonicMs();
  }

  /** Has `select` call `callback` once `time()` has reached `when`. Those due at the same time are called in order of arrival. */
  callAt(when: number, callback: () => void): Timer {
    this.#checkOpen("callAt");
    if (typeof when !== "number" || Number.isNaN(when)) {
      throw new RangeError(`callAt: expected a time, got ${describe(when)}`);
    }
    if (typeof callback !== "function") throw new TypeError(`callAt: expected a function, got ${typeof callback}`);
    return this.#timers.add(when, callback);
  }

  /** Has `select` call `callback` in `delayMs`. */
  callLater(delayMs: number, callback: () => void): Timer {
    if (!(typeof delayMs === "number" && delayMs >= 0)) {
      throw new RangeError(`callLater: expected a delay in ms of at least 0, got ${describe(delayMs)}`);
    }
    return this.callAt(monotonicMs() + delayMs, callback);
  }

  /**
   * Waits until something is ready or a timed callback is due, at most `timeoutMs` (by default, as long as it takes; 0 does not wait), calls
   * the callbacks that are due, and gives what is ready, one entry a key. Blocks the whole thread; a signal does not end the wait, and
   * handlers of signals are called afterwards.
   *
   * What a callback throws comes out; nothing is lost by that: the next call gives what is ready again.
   *
   * @throws InvalidStateError if nothing is registered and no callback is due ever, so that the wait would never end.
   */
  select(timeoutMs: number = Infinity): ReadyList<T> {
    this.#checkOpen("select");
    if (!(typeof timeoutMs === "number" && timeoutMs >= 0)) {
      throw new RangeError(`select: expected a timeout in ms of at least 0, got ${describe(timeoutMs)}`);
    }
    const end = timeoutMs === Infinity ? Infinity : monotonicMs() + timeoutMs;
    for (;;) {
      const until = Math.min(end, this.#timers.nextAt);
      if (until === Infinity && this.#keys.size === 0) {
        throw new InvalidStateError("select: nothing is registered and no callback is due: it would wait for ever");
      }
      const ready = this.#poll(until, timeoutMs);
      const hasCalled = this.#callDue();
      if (ready.size > 0 || hasCalled || timeoutMs === 0 || monotonicMs() >= end) return ready;
    }
  }

  /** Unregisters everything and drops the timed callbacks; sockets stay open. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const key of this.#keys.values()) key.end();
    this.#keys.clear();
    this.#epoll.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #poll(until: number, timeoutMs: number): ReadyEntries<T> {
    const wait = timeoutMs === 0 ? 0 : until === Infinity ? -1 : Math.ceil(Math.max(until - monotonicMs(), 0));
    const count = this.#epoll.wait(Math.min(wait, LONGEST_WAIT_MS));
    const ready = new ReadyEntries<T>();
    for (let index = 0; index < count; index++) {
      const key = this.#keys.get(this.#epoll.fdAt(index));
      if (key === undefined || key.stamp !== this.#epoll.stampAt(index)) continue;
      const events = eventsOf(this.#epoll.maskAt(index)) & key.events;
      if (events !== 0) ready.add(key, events);
    }
    return ready;
  }

  #callDue(): boolean {
    const now = monotonicMs();
    let hasCalled = false;
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now)) {
      hasCalled = true;
      due();
    }
    return hasCalled;
  }

  #drop(key: Registration<T>): void {
    key.end();
    this.#keys.delete(key.fd);
    this.#epoll.remove(key.fd);
  }

  #keyOf(target: Socket | number, doing: string): Registration<T> {
    const fd = descriptorOf(target);
    const key = this.#keys.get(fd);
    if (key === undefined) throw new InvalidStateError(`${doing}: descriptor ${fd} is not registered`);
    return key;
  }

  static {
    printsAs(Selector, ({ size }) => ({ size }));
  }

  #checkOpen(doing: string): void {
    if (this.#isClosed) throw new ClosedError(`${doing} on a selector that was closed`);
  }
}

function descriptorOf(target: Socket | number): number {
  if (typeof target === "object" && target?.isClosed)
    throw new ClosedError("a selector cannot watch a socket that was closed");
  const fd = typeof target === "number" ? target : target?.fd;
  if (Number.isInteger(fd) && fd >= 0) return fd;
  throw new TypeError(`expected a Socket or a descriptor, got ${String(target)}`);
}

function maskOf(events: number): number {
  if (events !== EVENT_READ && events !== EVENT_WRITE && events !== (EVENT_READ | EVENT_WRITE)) {
    throw new RangeError(`expected EVENT_READ, EVENT_WRITE or both (EVENT_READ | EVENT_WRITE), got ${events}`);
  }
  return (events & EVENT_READ ? EPOLLIN : 0) | (events & EVENT_WRITE ? EPOLLOUT : 0);
}

/** A failure or a hang-up is told as readiness: the next call says what it is. */
function eventsOf(mask: number): number {
  if ((mask & (EPOLLERR | EPOLLHUP)) !== 0) return EVENT_READ | EVENT_WRITE;
  return (mask & EPOLLIN ? EVENT_READ : 0) | (mask & EPOLLOUT ? EVENT_WRITE : 0);
}
