/** What combinators say to those who pass options in the wrong form. */
import assert from "node:assert/strict";
import test from "node:test";
import { map, rateLimit } from "coppice";

test("a number in place of options is a TypeError that shows what options look like", async () => {
  await assert.rejects(
    map([1], (item) => item, 8 as never),
    {
      name: "TypeError",
      message: "map: expected options such as { concurrency: 8 }, got 8",
    },
  );
  assert.throws(() => rateLimit(10 as never), {
    name: "TypeError",
    message: "rateLimit: expected options such as { limit: 10, perMs: 1_000 }, got 10",
  });
});
