import assert from "node:assert/strict";
import { EventEmitter, getEventListeners } from "node:events";
import test from "node:test";
import { ClosedError, EndOfChannel, moveOnAfter, OverflowError, openEvents, sleep } from "coppice";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("an emitter's events come as arrays of arguments, from the call on", () =>
  virtually(async () => {
    const emitter = new EventEmitter();
    emitter.emit("data", 0);
    const values: [number, string][] = [];
    const data = openEvents<[number, string]>(emitter, "data", { capacity: 10, ends: ["end", "close"] });
    emitter.emit("data", 1, "one");
    emitter.emit("other", 2, "two");
    emitter.emit("data", 3, "three");
    emitter.emit("close");
    emitter.emit("data", 4, "four");
    assert.deepEqual(emitter.eventNames(), []);
    for await (const [value, text] of data) values.push([value, text]);
    assert.deepEqual(values, [
      [1, "one"],
      [3, "three"],
    ]);
  }));

test("an event target's events come as they are", () =>
  virtually(async () => {
    const target = new EventTarget();
    using messages = openEvents<CustomEvent<number>>(target, "message", { capacity: 10, ends: ["close"] });
    for (const detail of [1, 2]) target.dispatchEvent(new CustomEvent("message", { detail }));
    target.dispatchEvent(new Event("error"));
    target.dispatchEvent(new Event("close"));
    const details: number[] = [];
    for await (const { detail } of messages) details.push(detail);
    assert.deepEqual(details, [1, 2]);
    for (const name of ["message", "error", "close"]) assert.equal(getEventListeners(target, name).length, 0);
  }));

test("an emitter's error is thrown after what came before it, and the listeners are gone at once", () =>
  virtually(async () => {
    const emitter = new EventEmitter();
    const error = new Error("own");
    using data = openEvents(emitter, "data", { capacity: 10 });
    emitter.emit("data", 1);
    emitter.emit("error", error);
    assert.deepEqual(emitter.eventNames(), []);
    assert.deepEqual(await data.receive(), [1]);
    assert.equal(await rejection(data.receive()), error);
  }));

test("listening to errors makes them events, and ends may be an error", () =>
  virtually(async () => {
    const emitter = new EventEmitter();
    using errors = openEvents(emitter, "error", { capacity: 10 });
    emitter.emit("error", 1);
    assert.deepEqual(await errors.receive(), [1]);
    using data = openEvents(emitter, "data", { capacity: 10, ends: ["error"] });
    emitter.emit("error", 2);
    assert.ok((await rejection(data.receive())) instanceof EndOfChannel);
  }));

test("an overflow ends it and removes the listeners", () =>
  virtually(async () => {
    const emitter = new EventEmitter();
    using data = openEvents(emitter, "data", { capacity: 1 });
    emitter.emit("data", 1);
    emitter.emit("data", 2);
    assert.deepEqual(emitter.eventNames(), []);
    assert.deepEqual(await data.receive(), [1]);
    assert.ok((await rejection(data.receive())) instanceof OverflowError);
  }));

test("dropping keeps the listeners", () =>
  virtually(async () => {
    const emitter = new EventEmitter();
    using data = openEvents(emitter, "data", { capacity: 1, overflow: "dropOldest" });
    emitter.emit("data", 1);
    emitter.emit("data", 2);
    assert.deepEqual(await data.receive(), [2]);
    assert.equal(data.dropped, 1);
    assert.equal(emitter.listenerCount("data"), 1);
  }));

test("one listener for each event, and none is left by break, error, cancellation or closing", () =>
  virtually(async () => {
    const emitter = new EventEmitter();
    const open = () => openEvents(emitter, "data", { capacity: 10, ends: ["end"] });
    const counts = () => ["data", "end", "error"].map((name) => emitter.listenerCount(name));
    const fed = () => {
      const data = open();
      assert.deepEqual(counts(), [1, 1, 1]);
      emitter.emit("data");
      return data;
    };

    for await (const _ of fed()) break;
    assert.deepEqual(counts(), [0, 0, 0]);

    const error = new Error("own");
    const failing = async (): Promise<void> => {
      for await (const _ of fed()) throw error;
    };
    assert.equal(await rejection(failing()), error);
    assert.deepEqual(counts(), [0, 0, 0]);

    await moveOnAfter(10, async () => {
      for await (const _ of fed());
    });
    assert.deepEqual(counts(), [0, 0, 0]);

    await moveOnAfter(10, async () => {
      for await (const _ of fed()) await sleep(20);
    });
    assert.deepEqual(counts(), [0, 0, 0]);

    const data = fed();
    data.close();
    assert.deepEqual(counts(), [0, 0, 0]);
    assert.ok((await rejection(data.receive())) instanceof ClosedError);
  }));

test("what emits nothing is refused, and a source that refuses a listener keeps none", () => {
  assert.throws(() => openEvents({} as EventEmitter, "data", { capacity: 1 }), /^TypeError: openEvents: expected/);
  const error = new Error("own");
  const emitter = new EventEmitter();
  emitter.on("newListener", (name) => {
    if (name === "error") throw error;
  });
  assert.throws(() => openEvents(emitter, "data", { capacity: 1 }), error);
  assert.equal(emitter.listenerCount("data"), 0);
});
