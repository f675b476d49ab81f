/** Descriptors that are not the loop's own, watched for their users: one callback each for reading and writing. */
import { BusyError, InvalidStateError } from "../../kernel/errors.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT } from "../../posix/epoll.ts";
import type { Poller, Watch, Watcher } from "./poller.ts";

export class Descriptors {
  readonly #poller: Poller;
  readonly #users = new Map<number, Users>();

  constructor(poller: Poller) {
    this.#poller = poller;
  }

  onReady(descriptor: number, what: "read" | "write", callback: () => void): () => void {
    this.#poller.open();
    const known = this.#users.get(descriptor);
    const isNew = known === undefined || known.isDropped;
    // To watch it would drop its owner, who would never hear of it again.
    if (isNew && this.#poller.isWatching(descriptor))
      throw new InvalidStateError(
        `descriptor ${descriptor} is of a connection or server of this loop, which watches it itself`,
      );
    const users = isNew ? new Users(this.#poller, descriptor) : known;
    if (users[what] !== undefined)
      throw new BusyError(`descriptor ${descriptor} is watched already, to ${what}: one callback at a time`);
    users[what] = callback;
    try {
      users.ask();
    } catch (error) {
      users[what] = undefined;
      if (users.isIdle) users.leave();
      throw error;
    }
    this.#users.set(descriptor, users);
    return () => {
      if (users[what] !== callback) return;
      users[what] = undefined;
      if (!users.isIdle) users.ask();
      else {
        users.leave();
        if (this.#users.get(descriptor) === users) this.#users.delete(descriptor);
      }
    };
  }
}

class Users implements Watcher {
  read: (() => void) | undefined;
  write: (() => void) | undefined;
  isDropped = false;
  readonly #poller: Poller;
  readonly #watch: Watch;

  constructor(poller: Poller, descriptor: number) {
    this.#poller = poller;
    this.#watch = poller.watch(descriptor, this);
  }

  get isIdle(): boolean {
    return this.read === undefined && this.write === undefined;
  }

  ask(): void {
    this.#watch.want((this.read === undefined ? 0 : EPOLLIN) | (this.write === undefined ? 0 : EPOLLOUT));
  }

  leave(): void {
    this.#poller.remove(this.#watch);
  }

  ready(events: number): void {
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) !== 0) this.read?.();
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) !== 0) this.write?.();
  }

  dropped(): void {
    this.isDropped = true;
    this.read = undefined;
    this.write = undefined;
    this.leave();
  }
}
