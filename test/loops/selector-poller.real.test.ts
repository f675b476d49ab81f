/** The descriptors of one loop: who is called, when, and never in the place of somebody else. */
import assert from "node:assert/strict";
import test from "node:test";
import { Poller, type Watch, type Watcher } from "../../src/loops/selector/poller.ts";
import { EPOLLIN, EPOLLOUT } from "../../src/posix/epoll.ts";
import { closeDescriptor, openPair, receive, SOCK_STREAM, send } from "../../src/posix/sockets.ts";
import { descriptorCount } from "../support/real.ts";

const ONE = new Uint8Array(1);

/** Notes its calls, and does what the test asks of it. */
class Noting implements Watcher {
  readonly calls: number[] = [];
  act: (events: number) => void = () => {};
  isDropped = false;
  watch!: Watch;

  ready(events: number): void {
    this.calls.push(events);
    this.act(events);
  }

  dropped(): void {
    this.isDropped = true;
    this.watch.close();
  }
}

/** A watched end, and the descriptor of the other one. */
function watched(poller: Poller): [Noting, number] {
  const [mine, other] = openPair(SOCK_STREAM, false);
  const watcher = new Noting();
  watcher.watch = poller.watch(mine, watcher);
  return [watcher, other];
}

/** Ends when nothing of the test is left, and what it opened is closed. */
async function polling(fn: (poller: Poller, turns: () => number) => Promise<void>): Promise<void> {
  const before = descriptorCount();
  let turns = 0;
  const poller = new Poller(() => {
    turns++;
  });
  poller.open();
  await fn(poller, () => turns);
  poller.close();
  assert.equal(descriptorCount(), before);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await turn();
}

test("a watcher is told what it asked for, as long as it is so", () =>
  polling(async (poller) => {
    const [reader, other] = watched(poller);
    reader.watch.want(EPOLLIN);
    await turn();
    assert.deepEqual(reader.calls, []);
    send(other, ONE);
    await until(() => reader.calls.length === 3);
    reader.watch.want(EPOLLIN | EPOLLOUT);
    await until(() => reader.calls.at(-1) === (EPOLLIN | EPOLLOUT));
    reader.watch.want(0);
    const { length } = reader.calls;
    await turn();
    await turn();
    assert.equal(reader.calls.length, length);
    reader.watch.close();
    closeDescriptor(other);
  }));

test("an event for a descriptor that an earlier callback closed does not reach the new owner of its number", () =>
  polling(async (poller) => {
    const pairs = [watched(poller), watched(poller)] as const;
    const heirs: Noting[] = [];
    for (const [index, [watcher]] of pairs.entries()) {
      watcher.act = () => {
        const [other] = pairs[1 - index] as [Noting, number];
        const { fd } = other.watch;
        watcher.watch.want(0);
        other.watch.close();
        const [heir, end] = watched(poller);
        assert.equal(heir.watch.fd, fd, "the number was to be used again");
        heir.watch.want(EPOLLIN);
        heirs.push(heir);
        closeLater.push(end);
      };
    }
    const closeLater: number[] = [];
    for (const [watcher, end] of pairs) {
      send(end, ONE);
      watcher.watch.want(EPOLLIN);
    }
    await until(() => heirs.length > 0);
    await turn();
    await turn();
    assert.equal(pairs[0][0].calls.length + pairs[1][0].calls.length, 1);
    assert.deepEqual(heirs[0]?.calls, []);
    for (const end of [...closeLater, pairs[0][1], pairs[1][1]]) closeDescriptor(end);
  }));

test("a descriptor that was closed without a word leaves its number to the next, and holds nothing open", () =>
  polling(async (poller) => {
    const [first, end] = watched(poller);
    first.watch.want(EPOLLIN);
    const { fd } = first.watch;
    closeDescriptor(fd);
    first.dropped = () => {
      first.isDropped = true;
      poller.remove(first.watch);
    };
    const [second, other] = watched(poller);
    assert.deepEqual([second.watch.fd, first.isDropped], [fd, true]);
    second.watch.want(EPOLLIN);
    send(other, ONE);
    await until(() => second.calls.length > 0);
    assert.deepEqual(first.calls, []);
    second.watch.close();
    for (const descriptor of [end, other]) closeDescriptor(descriptor);
  }));

test("one that stopped asking within the turn is not told", () =>
  polling(async (poller) => {
    const pairs = [watched(poller), watched(poller)] as const;
    for (const [index, [watcher]] of pairs.entries()) {
      watcher.act = () => {
        watcher.watch.want(0);
        pairs[1 - index]?.[0].watch.want(0);
      };
    }
    for (const [watcher, end] of pairs) {
      send(end, ONE);
      watcher.watch.want(EPOLLIN);
    }
    await until(() => pairs.some(([watcher]) => watcher.calls.length > 0));
    await turn();
    assert.equal(pairs[0][0].calls.length + pairs[1][0].calls.length, 1);
    for (const [, end] of pairs) closeDescriptor(end);
  }));

test("a hang-up is not told to one that asks for nothing", () =>
  polling(async (poller) => {
    const [watcher, other] = watched(poller);
    closeDescriptor(other);
    await turn();
    await turn();
    assert.deepEqual(watcher.calls, []);
    watcher.watch.want(EPOLLIN);
    await until(() => watcher.calls.length > 0);
  }));

test("what a turn has gathered is written at its end, when promise jobs have run dry, and before the next turn", () =>
  polling(async (poller, turns) => {
    const [watcher, other] = watched(poller);
    const log: string[] = [];
    watcher.act = () => {
      receive(watcher.watch.fd, new Uint8Array(10), 10n);
      const during = turns();
      for (const name of ["first", "second"]) {
        assert.ok(
          poller.afterTurn(() => {
            assert.equal(turns(), during);
            log.push(name);
          }),
        );
      }
      void (async () => {
        for (let step = 0; step < 50; step++) await undefined;
        log.push("jobs");
      })();
    };
    watcher.watch.want(EPOLLIN);
    send(other, ONE);
    await until(() => log.length >= 3);
    assert.deepEqual(log, ["jobs", "first", "second"]);
    assert.equal(
      poller.afterTurn(() => {}),
      false,
    );
    closeDescriptor(other);
  }));

test("a watcher that throws keeps nobody else from being told", () =>
  polling(async (poller) => {
    const pairs = Array.from({ length: 5 }, () => watched(poller));
    const thrown: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => thrown.push(error));
    try {
      for (const [watcher, end] of pairs) {
        watcher.act = () => {
          watcher.watch.want(0);
          throw new Error("in a callback");
        };
        send(end, ONE);
        watcher.watch.want(EPOLLIN);
      }
      await until(() => pairs.every(([watcher]) => watcher.calls.length === 1));
      await turn();
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
    assert.equal(thrown.length, 5);
    for (const [, end] of pairs) closeDescriptor(end);
  }));

test("closing drops everything, gives it back, and is final", () =>
  polling(async (poller) => {
    const pairs = Array.from({ length: 3 }, () => watched(poller));
    for (const [watcher] of pairs) watcher.watch.want(EPOLLIN);
    poller.close();
    poller.close();
    assert.ok(pairs.every(([watcher]) => watcher.isDropped));
    assert.throws(() => poller.open(), { name: "ClosedError", message: /SelectorLoop that was closed/ });
    await turn();
    for (const [, end] of pairs) closeDescriptor(end);
  }));
