/** What the compliance suite of Promises/A+ asks of an implementation, over futures. A program: it ends with the suite's verdict. */
import { createRequire } from "node:module";
import { Future } from "coppice";

interface Deferred {
  readonly promise: PromiseLike<unknown>;
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

type Suite = (adapter: { deferred(): Deferred }, options: object, done: (error: Error | null) => void) => void;

// The suite is CommonJS without types.
const runSuite = createRequire(import.meta.url)("promises-aplus-tests") as Suite;

// Many of its handlers throw on purpose, into promises that nobody looks at.
process.on("unhandledRejection", () => {});

runSuite({ deferred }, { reporter: "dot" }, (error) => {
  process.exitCode = error === null ? 0 : 1;
});

function deferred(): Deferred {
  const future = new Future<unknown>();
  return {
    promise: future,
    resolve: (value) => {
      if (!future.done) future.setResult(value);
    },
    reject: (reason) => {
      if (!future.done) future.setError(reason);
    },
  };
}
