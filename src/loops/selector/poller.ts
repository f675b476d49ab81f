/**
 * The descriptors of one loop, and who is told when they are ready.
 *
 * How it turns. All descriptors are in one epoll set. Node's own loop polls that set like a socket of its own (`UvPoll`), so Node does
 * the waiting: timers, signals, child processes and workers go on as ever, and an idle program sleeps. Once per turn of Node's loop,
 * after its polling, a callback (an immediate that does not hold the process) reads the set and calls the watchers that are ready.
 * A second immediate ends the turn, when the microtasks of the first have run dry: there `afterTurn` writes what the turn has gathered.
 * While no descriptor waits for anything, nothing of this holds the process open: that is how Node finds out that runs are stuck.
 *
 * Where Node's loop cannot be reached (in a worker, which aborts the process when it is ended with a handle of ours in it; with a
 * libuv that hides its functions), each turn waits itself, for a few milliseconds: short, because Node's own events wait meanwhile.
 *
 * An event is matched with its watch by number and stamp: what was meant for a descriptor that an earlier callback of the same turn has
 * closed never reaches the new owner of its number.
 *
 * Rejected: waiting in epoll ourselves with Node's backend descriptor in the set (Node makes its changes to that set in its own poll
 * alone, and its next timer is not known while an immediate is pending); a JavaScript callback for `uv_poll` (it would run inside of
 * libuv, where an exception ends the process and promise jobs do not run).
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { ClosedError } from "../../kernel/errors.ts";
import { EPOLLERR, EPOLLHUP, Epoll } from "../../posix/epoll.ts";
import { systemError } from "../../posix/errors.ts";
import { closeDescriptor } from "../../posix/sockets.ts";
import { UvPoll } from "../../posix/uv-poll.ts";

/** How long a turn waits where it must do so itself, in milliseconds. Node's own events are late by as much. */
const SHORT_WAIT_MS = 2;
const LARGEST_STAMP = 2 ** 32;

export interface Watcher {
  /** `events` are those of epoll. */
  ready(events: number): void;
  /** The loop is being closed, or the descriptor was, without a word: everything is given back now. */
  dropped(): void;
}

/** A descriptor in the set, from its opening to its closing. */
export class Watch {
  readonly fd: number;
  readonly stamp: number;
  readonly watcher: Watcher;
  /** What is asked for, of `EPOLLIN` and `EPOLLOUT`. Without either, the descriptor is not in the set, where a hang-up would be told for ever. */
  events = 0;
  readonly #poller: Poller;

  constructor(poller: Poller, fd: number, stamp: number, watcher: Watcher) {
    this.#poller = poller;
    this.fd = fd;
    this.stamp = stamp;
    this.watcher = watcher;
  }

  want(events: number): void {
    if (events === this.events) return;
    this.#poller.change(this, events);
  }

  /** Takes the descriptor out and closes it. */
  close(): void {
    this.#poller.remove(this);
    closeDescriptor(this.fd);
  }
}

export class Poller {
  readonly #turnBegan: () => void;
  /** Turns are not to run in the context of the task that happened to begin them. */
  readonly #outsideOfTasks = AsyncLocalStorage.snapshot();
  readonly #watches = new Map<number, Watch>();
  #epoll: Epoll | undefined;
  /** `undefined` where it cannot be had. */
  #wakeUp: UvPoll | undefined;
  #nextStamp = 1;
  /** How many watches ask for anything. */
  #waiting = 0;
  #isTurnDue = false;
  #isInTurn = false;
  #isHurried = false;
  #isClosed = false;
  #afterTurn: (() => void)[] = [];

  constructor(turnBegan: () => void) {
    this.#turnBegan = turnBegan;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws ClosedError if the loop is closed; UnsupportedError where there is no epoll. */
  open(): void {
    if (this.#isClosed) throw new ClosedError("the network of a SelectorLoop that was closed");
    if (this.#epoll !== undefined) return;
    const epoll = new Epoll();
    this.#epoll = epoll;
    try {
      this.#wakeUp = new UvPoll(epoll.fd);
    } catch {
      // It waits by itself.
    }
  }

  /** Begins to watch `fd`, asking for nothing yet. Whoever watched an earlier descriptor of that number, which must be closed by now, is dropped. */
  watch(fd: number, watcher: Watcher): Watch {
    this.#watches.get(fd)?.watcher.dropped();
    this.#nextStamp = (this.#nextStamp + 1) % LARGEST_STAMP;
    const watch = new Watch(this, fd, this.#nextStamp, watcher);
    this.#watches.set(fd, watch);
    return watch;
  }

  isWatching(fd: number): boolean {
    return this.#watches.has(fd);
  }

  change(watch: Watch, events: number): void {
    const epoll = this.#epoll as Epoll;
    const before = watch.events;
    const { fd, stamp } = watch;
    const result =
      before === 0 ? epoll.add(fd, events, stamp) : events === 0 ? epoll.remove(fd) : epoll.modify(fd, events, stamp);
    // One that its owner has closed already is out of the set, too.
    if (result < 0 && events !== 0) throw systemError(-result, "epoll_ctl", `descriptor ${fd}`);
    watch.events = events;
    if (before === 0) this.#begin();
    else if (events === 0) this.#end();
  }

  remove(watch: Watch): void {
    if (this.#watches.get(watch.fd) !== watch) return;
    watch.want(0);
    this.#watches.delete(watch.fd);
  }

  /** Calls `callback` on a later turn. */
  soon(callback: () => void): void {
    this.#outsideOfTasks(() =>
      setImmediate(() => {
        this.#turnBegan();
        callback();
      }),
    );
  }

  /** Something else of this loop waits for the next turn, which is not to wait for events. */
  hurry(): void {
    this.#isHurried = true;
  }

  /** Calls `callback` at the end of this turn, if one is under way; says whether. */
  afterTurn(callback: () => void): boolean {
    if (this.#isInTurn) this.#afterTurn.push(callback);
    return this.#isInTurn;
  }

  /** Drops all that is open, and gives the descriptors back. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const watch of [...this.#watches.values()]) watch.watcher.dropped();
    this.#wakeUp?.close();
    this.#wakeUp = undefined;
    this.#epoll?.close();
    this.#epoll = undefined;
  }

  #begin(): void {
    if (this.#waiting++ > 0) return;
    this.#wakeUp?.start();
    if (!this.#isTurnDue) this.#outsideOfTasks(() => this.#armTurn());
  }

  #end(): void {
    if (--this.#waiting === 0) this.#wakeUp?.stop();
  }

  #armTurn(): void {
    this.#isTurnDue = true;
    const turn = setImmediate(this.#turn);
    const end = setImmediate(this.#endTurn);
    if (this.#wakeUp === undefined) return;
    turn.unref();
    end.unref();
  }

  readonly #turn = (): void => {
    this.#isTurnDue = false;
    const epoll = this.#epoll;
    if (this.#waiting === 0 || epoll === undefined) return;
    // First, because a watcher may throw. What it left is reported again.
    this.#armTurn();
    this.#isInTurn = true;
    const mustWait = this.#wakeUp === undefined && !this.#isHurried;
    this.#isHurried = false;
    const count = epoll.wait(mustWait ? SHORT_WAIT_MS : 0);
    if (count === 0) return;
    this.#turnBegan();
    for (let index = 0; index < count; index++) {
      const watch = this.#watches.get(epoll.fdAt(index));
      if (watch === undefined || watch.stamp !== epoll.stampAt(index)) continue;
      const events = epoll.maskAt(index) & (watch.events | EPOLLERR | EPOLLHUP);
      // It may have stopped asking since.
      if (events !== 0 && watch.events !== 0) watch.watcher.ready(events);
    }
  };

  readonly #endTurn = (): void => {
    this.#isInTurn = false;
    const callbacks = this.#afterTurn;
    if (callbacks.length === 0) return;
    this.#afterTurn = [];
    for (const callback of callbacks) callback();
  };
}
