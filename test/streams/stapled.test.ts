/** What a stapled stream makes of its two halves. That it keeps the contract of streams is checked by the conformance kit. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, cancelScope, sleepForever, taskGroup } from "coppice";
import { memoryPair, type SendStream, stapled } from "coppice/net";
import { lockstepOneWayPair, memoryOneWayPair, waitAllTasksBlocked } from "coppice/testing";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array | undefined): string | undefined => bytes && String(Buffer.from(bytes));

test("what is sent goes to one half, what is received comes from the other", () =>
  virtually(async () => {
    const [sender, far] = memoryOneWayPair();
    const [near, receiver] = memoryOneWayPair();
    const stream = stapled(sender, receiver);
    await stream.send(bytesOf("out"));
    await near.send(bytesOf("in"));
    assert.equal(textOf(await far.receive()), "out");
    assert.equal(textOf(await stream.receive()), "in");
  }));

test("sendEof closes a half that has none, and is that of a half that has one", () =>
  virtually(async () => {
    const [sender, far] = memoryOneWayPair();
    const [there, here] = memoryPair();
    const stream = stapled(sender, here);
    await stream.sendEof();
    assert.equal(await far.receive(), undefined);
    assert.ok((await rejection(sender.send(bytesOf("x")))) instanceof ClosedError, "it was closed");
    assert.equal(stream.trySend(bytesOf("x")), false);

    const whole = stapled(here, far);
    assert.equal(whole.trySend(bytesOf("x")), true);
    await whole.sendEof();
    await whole.sendEof();
    assert.equal(textOf(await there.receive()), "x");
    assert.equal(await there.receive(), undefined);
    await there.send(bytesOf("it goes on"));
    assert.equal(textOf(await here.receive()), "it goes on");
  }));

test("sendEof in a scope that is cancelled in the tick of its wake-up leaves the half open", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, far] = memoryOneWayPair();
      const stream = stapled(sender, far);
      await cancelScope(async (scope) => {
        const ending = stream.sendEof();
        scope.cancel();
        await assertCancelledBy(scope, ending);
      });
      group.spawn(() => stream.send(bytesOf("still open")));
      assert.equal(textOf(await far.receive()), "still open");
    }),
  ));

test("closing closes both halves at once, also where one of them cannot be flushed", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [inner] = lockstepOneWayPair();
      const [near, receiver] = memoryOneWayPair();
      const stuck: SendStream = { ...faces(inner), close: () => sleepForever() };
      const stream = stapled(stuck, receiver);
      const receiving = group.spawn(() => rejection(stream.receive()));
      await waitAllTasksBlocked();
      const closing = group.spawn(() => stream.close());
      assert.ok((await receiving) instanceof ClosedError);
      assert.ok((await rejection(near.send(bytesOf("x")))) instanceof BrokenError);
      assert.equal(closing.done, false);
      group.cancelAll();
    }),
  ));

test("a half that fails to close is told, after the other half has closed", () =>
  virtually(async () => {
    const error = new Error("could not be flushed");
    const [inner] = memoryOneWayPair();
    const [near, receiver] = memoryOneWayPair();
    const stream = stapled({ ...faces(inner), close: () => Promise.reject(error) }, receiver);
    assert.equal(await rejection(stream.close()), error);
    assert.ok((await rejection(near.send(bytesOf("x")))) instanceof BrokenError);
  }));

test("aborting aborts both halves, also where one of them throws", () =>
  virtually(async () => {
    const error = new Error("no such descriptor");
    const [inner] = memoryOneWayPair();
    const [near, receiver] = memoryOneWayPair();
    const abort = (): never => {
      throw error;
    };
    const stream = stapled({ ...faces(inner), abort }, receiver);
    assert.throws(() => stream.abort(), error);
    assert.ok((await rejection(near.send(bytesOf("x")))) instanceof BrokenError);
  }));

/** The methods of a stream as functions of their own, to be replaced one by one. */
function faces(stream: SendStream): SendStream {
  return {
    send: (bytes) => stream.send(bytes),
    close: () => stream.close(),
    abort: () => stream.abort(),
    [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
  };
}
