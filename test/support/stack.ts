/** Stacks of errors, as the names of the functions in them. */
import assert from "node:assert/strict";

/** The frames of an error, innermost first, as the names of the user's functions (those that have one); the library's are "lib". */
function frames(error: unknown): string[] {
  assert.ok(error instanceof Error);
  const { stack = "" } = error;
  return stack
    .split("\n")
    .filter((line) => line.startsWith("    at ") && (line.includes("/src/") || !/at (async )?file:/.test(line)))
    .map((line) => (line.includes("/src/") ? "lib" : String(/at (?:async )?([\w.]+)/.exec(line)?.[1])));
}

/** Checks that `names` come in this order, by `at async`, with at most two frames of the library before each. */
export function assertStack(error: unknown, ...names: string[]): void {
  const { stack = "" } = error as Error;
  const seen = frames(error);
  let at = 0;
  for (const name of names) {
    let ours = 0;
    while (seen[at] === "lib") {
      ours++;
      at++;
    }
    assert.ok(ours <= 2, `more than two frames of the library before ${name}:\n${stack}`);
    assert.equal(seen[at], name, stack);
    at++;
  }
  for (const name of names.slice(1)) assert.match(stack, new RegExp(`at async ${name}\\b`));
}
