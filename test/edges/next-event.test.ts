import assert from "node:assert/strict";
import { EventEmitter, getEventListeners } from "node:events";
import test from "node:test";
import { cancelScope, isCancelled, nextEvent, shield, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { assertNothingOpen, virtually } from "../support/virtual.ts";

interface Kind {
  readonly name: string;
  open(): { wait: () => Promise<unknown>; fire: () => void; listenerCount: () => number };
}

const kinds: readonly Kind[] = [
  {
    name: "an emitter",
    open: () => {
      const emitter = new EventEmitter();
      return {
        wait: async () => (await nextEvent<[string]>(emitter, "ready"))[0],
        fire: () => void emitter.emit("ready", "value"),
        listenerCount: () => emitter.listenerCount("ready") + emitter.listenerCount("error"),
      };
    },
  },
  {
    name: "an event target",
    open: () => {
      const target = new EventTarget();
      return {
        wait: async () => (await nextEvent<CustomEvent>(target, "ready")).detail,
        fire: () => void target.dispatchEvent(new CustomEvent("ready", { detail: "value" })),
        listenerCount: () => getEventListeners(target, "ready").length + getEventListeners(target, "error").length,
      };
    },
  },
];

for (const { name, open } of kinds) {
  test(`${name}: the next event ends the wait, and the listeners are gone`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { wait, fire, listenerCount } = open();
        fire();
        const waiting = attempt(group, wait);
        await waitAllTasksBlocked();
        assert.equal(waiting.outcome, "pending", "an earlier event is not seen");
        assert.ok(listenerCount() >= 1);
        fire();
        assert.equal(listenerCount(), 0);
        fire();
        await waiting.over;
        assert.equal(waiting.outcome, "value");
        assert.equal(waiting.didNextThrow, false);
      }),
    ));

  test(`${name}: cancelled before, it does not listen`, () =>
    virtually(async () => {
      const { wait, listenerCount } = open();
      await cancelScope(async (scope) => {
        scope.cancel();
        const error = rejection(wait());
        assert.equal(listenerCount(), 0);
        assert.ok(isCancelled(await error));
      });
    }));

  test(`${name}: cancelled during, it throws, and the listeners are gone`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { wait, listenerCount } = open();
        const waiting = attempt(group, wait);
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        assert.equal(listenerCount(), 0);
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
      }),
    ));

  test(`${name}: the event, then a cancellation in the same tick: it keeps the event`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { wait, fire } = open();
        const waiting = attempt(group, wait);
        await waitAllTasksBlocked();
        fire();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "value");
        assert.equal(waiting.didNextThrow, true);
      }),
    ));

  test(`${name}: a cancellation, then the event in the same tick: it throws`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { wait, fire } = open();
        const waiting = attempt(group, wait);
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        fire();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
      }),
    ));

  test(`${name}: shielded, it waits on`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { wait, fire } = open();
        const waiting = attempt(group, () => shield(wait));
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waitAllTasksBlocked();
        assert.equal(waiting.outcome, "pending");
        fire();
        await waiting.over;
        assert.equal(waiting.outcome, "value");
        assert.equal(waiting.didNextThrow, true);
      }),
    ));

  test(`${name}: nested, the outer cancellation passes the scopes in between`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { wait, listenerCount } = open();
        const waiting = attempt(group, () => cancelScope(() => cancelScope(wait)));
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        assert.equal(listenerCount(), 0);
      }),
    ));

  test(`${name}: abandoned and cancelled, it raises nothing`, async () => {
    const { wait, listenerCount } = open();
    const raised = await unhandledDuring(() =>
      virtually(async () => {
        await cancelScope(async (scope) => {
          wait().catch((error: unknown) => assert.ok(isCancelled(error)));
          scope.cancel();
        });
      }),
    );
    assert.deepEqual(raised, []);
    assert.equal(listenerCount(), 0);
  });
}

test("an emitter's event gives all its arguments, typed as asked for", () =>
  virtually(async () => {
    const emitter = new EventEmitter();
    queueMicrotask(() => emitter.emit("exit", 0, "SIGTERM"));
    const [code, signal]: [number, string] = await nextEvent<[code: number, signal: string]>(emitter, "exit");
    assert.deepEqual([code, signal], [0, "SIGTERM"]);
    const symbol = Symbol("event");
    queueMicrotask(() => emitter.emit(symbol));
    assert.deepEqual(await nextEvent(emitter, symbol), []);
  }));

test("an error of the emitter meanwhile is thrown, unchanged, whatever it is", () =>
  virtually(async () => {
    const emitter = new EventEmitter();
    for (const error of [new Error("own"), undefined]) {
      queueMicrotask(() => emitter.emit("error", error));
      assert.equal(await rejection(nextEvent(emitter, "ready")), error);
      assert.deepEqual(emitter.eventNames(), []);
    }
  }));

test("waiting for the error event itself gives it", () =>
  virtually(async () => {
    const error = new Error("own");
    const emitter = new EventEmitter();
    queueMicrotask(() => emitter.emit("error", error));
    assert.deepEqual(await nextEvent(emitter, "error"), [error]);
    const target = new EventTarget();
    const event = new Event("error");
    queueMicrotask(() => target.dispatchEvent(event));
    assert.equal(await nextEvent(target, "error"), event);
  }));

test("an error event of an event target is nothing special", () =>
  virtually(async () => {
    const target = new EventTarget();
    queueMicrotask(() => {
      target.dispatchEvent(new Event("error"));
      target.dispatchEvent(new Event("ready"));
    });
    assert.equal((await nextEvent(target, "ready")).type, "ready");
  }));

test("what has both shapes is an emitter", () =>
  virtually(async () => {
    const { port1, port2 } = new MessageChannel();
    const waiting = nextEvent<[message: string]>(port1, "message");
    port1.emit("message", "value");
    assert.deepEqual(await waiting, ["value"]);
    port1.close();
    port2.close();
  }));

test("a source that emits while it is being listened to leaves no listener", () =>
  virtually(async () => {
    const listeners = new Set<unknown>();
    const source = {
      on: (_name: string | symbol, listener: (...args: unknown[]) => void) => {
        listeners.add(listener);
        listener("at once");
        listeners.add(listener);
      },
      off: (_name: string | symbol, listener: unknown) => listeners.delete(listener),
    };
    assert.deepEqual(await nextEvent(source, "ready"), ["at once"]);
    assert.equal(listeners.size, 0);
  }));

test("a source that refuses a listener leaves none, and its error is thrown", () =>
  virtually(async () => {
    const error = new Error("own");
    const emitter = new EventEmitter();
    emitter.on("newListener", (name) => {
      if (name === "error") throw error;
    });
    assert.equal(await rejection(nextEvent(emitter, "ready")), error);
    assert.equal(emitter.listenerCount("ready"), 0);
    assertNothingOpen();
  }));

test("what emits nothing is refused", () =>
  virtually(async () => {
    for (const source of [null, undefined, {}, "text", { on: () => {} }] as unknown[]) {
      const error = await rejection(nextEvent(source as EventEmitter, "ready"));
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /^nextEvent: expected an EventEmitter \(on, off\) or an EventTarget/);
    }
  }));

test("an event that happens while the event loop is due a turn is not missed", () =>
  virtually(async () => {
    const target = new EventTarget();
    for (let round = 0; round < 3_000; round++) {
      const waiting = nextEvent(target, "ready");
      target.dispatchEvent(new Event("ready"));
      await waiting;
    }
  }));

test("a hundred thousand waits on one source leave no listener behind", () =>
  virtually(async () => {
    const target = new EventTarget();
    const emitter = new EventEmitter();
    for (let round = 0; round < 50_000; round++) {
      queueMicrotask(() => target.dispatchEvent(new Event("ready")));
      await nextEvent(target, "ready");
      queueMicrotask(() => emitter.emit("ready"));
      await nextEvent(emitter, "ready");
    }
    assert.equal(getEventListeners(target, "ready").length, 0);
    assert.deepEqual(emitter.eventNames(), []);
  }));
