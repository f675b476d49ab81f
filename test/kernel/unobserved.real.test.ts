/** What a program prints of an error that nobody looked at, found by the garbage collector or at the end of the run. */
import assert from "node:assert/strict";
import test from "node:test";
import { runProgram } from "../support/program.ts";

const COLLECT = `
  import { setFlagsFromString } from "node:v8";
  import { runInNewContext } from "node:vm";
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc");
  const collect = async () => {
    for (let round = 0; round < 5; round++) {
      await new Promise(setImmediate);
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
`;

test("outside of every run it is reported when the future is collected, by a warning of the process", async () => {
  const { code, stderr } = await runProgram(`${COLLECT}
    import { Future } from "coppice";
    (function lose() {
      const future = new Future({ name: "lost" });
      future.setError(new TypeError("own"));
    })();
    await collect();
  `);
  assert.equal(code, 0);
  assert.match(stderr, /\[COPPICE_UNOBSERVED_ERROR\] CoppiceWarning: the error of lost was never looked at/);
  assert.match(stderr, /TypeError: own\n\s+at lose/);
});

test("inside of a run it is reported when the future is collected, and not again at the end", async () => {
  const { stderr } = await runProgram(`${COLLECT}
    import { Future, run } from "coppice";
    await run(async () => {
      (() => {
        new Future({ name: "lost" }).setError(new TypeError("own"));
      })();
      await collect();
      process.stderr.write("the run goes on\\n");
    });
    await collect();
  `);
  assert.equal(stderr.match(/never looked at/g)?.length, 1);
  assert.ok(stderr.indexOf("never looked at") < stderr.indexOf("the run goes on"));
});

test("one that was looked at, awaited, cancelled, or given a value is collected without a word", async () => {
  const { code, stderr } = await runProgram(`${COLLECT}
    import { Future } from "coppice";
    const make = (settle) => { const future = new Future(); settle(future); return future; };
    make((future) => future.setError(new Error("own"))).error();
    await make((future) => future.setError(new Error("own"))).then(() => {}, () => {});
    make((future) => future.setResult(1));
    make((future) => future.cancel());
    await collect();
  `);
  assert.deepEqual([code, stderr], [0, ""]);
});

test("at the end of the run it is reported though the future is still held", async () => {
  const { code, stderr } = await runProgram(`
    import { Future, run } from "coppice";
    globalThis.kept = await run(() => {
      const future = new Future({ name: "kept" });
      future.setError(new TypeError("own"));
      return [future];
    });
  `);
  assert.equal(code, 0);
  assert.match(stderr, /the error of kept was never looked at/);
});
