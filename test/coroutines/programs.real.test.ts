/** Whole programs that are generators. */
import assert from "node:assert/strict";
import test from "node:test";
import { runProgram } from "../support/program.ts";

test("main takes a generator function, and one that gives a coroutine", async () => {
  const { code, stdout, stderr } = await runProgram(`
    import { coroutine, main, sleep, until } from "coppice";
    const program = function* () {
      yield* until(sleep(5));
      console.log("done");
    };
    await main(program);
    await main(coroutine(program));
  `);
  assert.deepEqual([code, stdout, stderr], [0, "done\ndone\n", ""]);
});

test("an error of a program that is a generator is its end: 1, and the stack", async () => {
  const { code, stderr } = await runProgram(`
    import { main } from "coppice";
    await main(function* programUser() {
      yield;
      throw new TypeError("own");
    });
  `);
  assert.equal(code, 1);
  assert.match(stderr, /^TypeError: own\n\s+at programUser/);
});
