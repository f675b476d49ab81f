/** How the conformance kit behaves: what it asks of the pairs, how it ends, whom it disturbs. */
import assert, { AssertionError } from "node:assert/strict";
import test from "node:test";
import { ClosedError, cancelScope, currentLoop, run, sleepForever } from "coppice";
import { type ByteStream, memoryPair } from "coppice/net";
import {
  checkHalfCloseableStream,
  checkOneWayStream,
  checkTwoWayStream,
  lockstepOneWayPair,
  memoryOneWayPair,
} from "coppice/testing";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

type Pair = [ByteStream, ByteStream];

test("each check has a pair of its own, and aborts it when it is over", () =>
  virtually(async () => {
    const made = new Set<ByteStream>();
    let openPairs = 0;
    await checkHalfCloseableStream(async () => {
      assert.equal(openPairs, 0, "the pair of the check before is open");
      const pair = memoryPair();
      for (const stream of pair) {
        assert.ok(!made.has(stream));
        made.add(stream);
        openPairs++;
        const { abort } = stream;
        let isAborted = false;
        stream.abort = () => {
          if (!isAborted) openPairs--;
          isAborted = true;
          abort.call(stream);
        };
      }
      return pair;
    });
    assert.equal(openPairs, 0);
    assert.ok(made.size > 100, "each check, in both directions");
  }));

test("what makePair throws is thrown as it is", () =>
  virtually(async () => {
    const error = new Error("no descriptors left");
    for (const check of [checkOneWayStream, checkTwoWayStream, checkHalfCloseableStream]) {
      assert.equal(await rejection(check(() => Promise.reject(error))), error);
    }
  }));

test("a pair in place of the function that makes pairs is refused by name", () =>
  virtually(async () => {
    for (const check of [checkOneWayStream, checkTwoWayStream, checkHalfCloseableStream]) {
      const message = `${check.name}: expected a function, got [object Array]`;
      await assert.rejects(check(memoryPair() as never), { name: "TypeError", message });
    }
  }));

test("a makePair that hangs is told after the timeout, which can be set", () =>
  virtually(async () => {
    const start = currentLoop().time();
    const error = await rejection(checkOneWayStream(() => sleepForever(), { timeoutMs: 300 }));
    assert.ok(error instanceof AssertionError);
    assert.match(error.message, /nothing more happened within 300 ms; makePair\(\) has not settled/);
    assert.equal(currentLoop().time() - start, 300);
  }));

test("a timeout that is no duration is refused", () =>
  virtually(async () => {
    for (const timeoutMs of [0, -1, Number.NaN]) {
      const error = await rejection(checkTwoWayStream(async (): Promise<Pair> => assert.fail(), { timeoutMs }));
      assert.ok(error instanceof RangeError);
      assert.match(error.message, /^checkTwoWayStream: timeoutMs: .* got /);
    }
  }));

test("a check of streams that never block leaves out what needs a sender that waits, and nothing else", () =>
  virtually(async () => {
    let pairs = 0;
    const counted = async (make: () => ReturnType<typeof memoryOneWayPair>) => {
      pairs++;
      return make();
    };
    await checkOneWayStream(() => counted(memoryOneWayPair), { neverBlocks: true });
    const without = pairs;
    pairs = 0;
    await checkOneWayStream(() => counted(lockstepOneWayPair));
    assert.ok(without > 20 && pairs > without, `${without} checks, and ${pairs} with senders that wait`);
  }));

test("a check can be cancelled: the pair is aborted, and the cancellation passes", async () => {
  const unhandled = await unhandledDuring(() =>
    virtually(async () => {
      const pair = memoryPair();
      await cancelScope(async (scope) => {
        const checking = checkHalfCloseableStream(async () => {
          scope.cancel();
          return pair;
        });
        await assertCancelledBy(scope, checking);
      });
      for (const stream of pair) assert.ok((await rejection(stream.receive())) instanceof ClosedError);
      await cancelScope(async (scope) => {
        scope.cancel();
        await assertCancelledBy(
          scope,
          checkOneWayStream(async () => assert.fail("a pair is made in a cancelled scope")),
        );
      });
    }),
  );
  assert.deepEqual(unhandled, []);
});

test("a failure that came of an error has it as its cause, and names the call", () =>
  virtually(async () => {
    const cause = new Error("disk full");
    const error = await rejection(
      checkOneWayStream(async (): Promise<Pair> => {
        const [first, second] = memoryPair();
        first.send = () => Promise.reject(cause);
        return [first, second];
      }),
    );
    assert.ok(error instanceof AssertionError);
    assert.match(
      error.message,
      /what is sent is received.*\nSeen: send\(1 byte\) at the sending end failed with Error: disk full/,
    );
    assert.equal(error.cause, cause);
  }));

test("in both directions, a failure names the end where it was seen", () =>
  virtually(async () => {
    const error = await rejection(
      checkTwoWayStream(async (): Promise<Pair> => {
        const [first, second] = memoryPair();
        second.send = () => Promise.reject(new Error("read-only"));
        return [first, second];
      }),
    );
    assert.match(String(error), /send\(\d+ bytes?\) at the second end failed with Error: read-only/);
  }));

test("it works outside of every run, and in a run on the real loop", async () => {
  await checkOneWayStream(async () => lockstepOneWayPair());
  await run(() => checkOneWayStream(async () => lockstepOneWayPair()));
});
