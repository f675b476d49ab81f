import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Fifo } from "../../src/channels/fifo.ts";

test("an empty buffer gives undefined and has size 0", () => {
  const fifo = new Fifo<number>();
  assert.equal(fifo.shift(), undefined);
  assert.equal(fifo.size, 0);
});

test("values come out as they went in, while it grows around the end of its ring", () => {
  const fifo = new Fifo<number>();
  let next = 0;
  let expected = 0;
  for (let round = 1; round < 200; round++) {
    for (let pushed = 0; pushed < round; pushed++) fifo.push(next++);
    for (let taken = 0; taken < round - 1; taken++) assert.equal(fifo.shift(), expected++);
  }
  assert.equal(fifo.size, next - expected);
});

test("undefined is a value like any other", () => {
  const fifo = new Fifo<undefined>();
  fifo.push(undefined);
  assert.equal(fifo.size, 1);
  assert.equal(fifo.shift(), undefined);
  assert.equal(fifo.size, 0);
});

test("property: it behaves as an array", () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), times: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant("shift" as const), times: fc.integer({ min: 1, max: 40 }) }),
  );
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const { kind, times } of operations) {
        for (let time = 0; time < times; time++) {
          if (kind === "push") {
            fifo.push(next);
            model.push(next++);
          } else assert.equal(fifo.shift(), model.shift());
          assert.equal(fifo.size, model.length);
        }
      }
    }),
  );
});
