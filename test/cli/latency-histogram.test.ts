import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { LatencyHistogram } from "../../src/cli/latency-histogram.ts";

const durations = fc.array(
  fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true })),
  {
    minLength: 1,
    maxLength: 200,
  },
);

test("a quantile is never below the true one, and at most 1/64 and a microsecond above it", () => {
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, fraction) => {
      const histogram = histogramOf(values);
      const exact = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(fraction * values.length) - 1)] as number;
      const found = histogram.quantileMs(fraction) as number;
      assert.ok(found >= exact, `${found} is below ${exact}`);
      assert.ok(found <= exact * (1 + 1 / 64) + 0.001 + 1e-9, `${found} is too far above ${exact}`);
    }),
  );
});

test("count and maximum are exact", () => {
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = histogramOf(values);
      assert.equal(histogram.count, values.length);
      assert.equal(histogram.maxMs, Math.max(...values));
      assert.equal(histogram.quantileMs(1), histogram.maxMs);
    }),
  );
});

test("quantiles do not fall as the fraction rises", () => {
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = histogramOf(values);
      const quantiles = [0, 0.25, 0.5, 0.9, 0.99, 1].map((fraction) => histogram.quantileMs(fraction) as number);
      assert.deepEqual(
        quantiles,
        quantiles.toSorted((a, b) => a - b),
      );
    }),
  );
});

test("nothing was counted: there are no quantiles", () => {
  const histogram = new LatencyHistogram();
  assert.equal(histogram.quantileMs(0.5), undefined);
  assert.equal(histogram.maxMs, 0);
});

test("a duration beyond the last bucket is counted there, and the maximum still tells it", () => {
  const histogram = histogramOf([1, 2, 1e9]);
  assert.equal(histogram.quantileMs(1), 1e9);
  assert.equal(histogram.count, 3);
});

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}
