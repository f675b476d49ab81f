/**
 * Delegation: `yield*` puts one generator inside another, as if its code stood there.
 *
 *   npm run example -- iterators-to-coroutines/06-delegation
 *
 * What the inner one yields goes out, what is sent comes in to it, and what it returns is the value of the expression,
 * with its type. This is the trampoline built into the language, and what `await` was made from.
 */
import assert from "node:assert/strict";

interface Tree {
  readonly left?: Tree;
  readonly value: string;
  readonly right?: Tree;
}

/** Out: values rise from any depth to whoever loops. */
function* walk(tree: Tree): Generator<string, void> {
  if (tree.left) yield* walk(tree.left);
  yield tree.value;
  if (tree.right) yield* walk(tree.right);
}

const tree: Tree = {
  left: { value: "alder", right: { value: "ash" } },
  value: "beech",
  right: { left: { value: "birch" }, value: "hazel" },
};
const trees = [...walk(tree)];
assert.deepEqual(trees, ["alder", "ash", "beech", "birch", "hazel"]);
console.log(`in order: ${trees.join(", ")}`);

/** Asks until it gets a whole number. */
function* askNumber(question: string): Generator<string, number, string> {
  for (;;) {
    const answer = yield question;
    if (/^[0-9]+$/.test(answer)) return Number(answer);
    question = `${JSON.stringify(answer)} is no number; ${question}`;
  }
}

/** In, and back: this one never sees the wrong answers, and it reads as if asking were an ordinary call. */
function* askArea(): Generator<string, number, string> {
  const width = yield* askNumber("how wide?");
  const height = yield* askNumber("how high?");
  return width * height;
}

const conversation = askArea();
let step = conversation.next();
for (const answer of ["three", "3", "4"]) {
  assert.ok(!step.done);
  console.log(`${step.value} ${answer}`);
  step = conversation.next(answer);
}
assert.deepEqual(step, { done: true, value: 12 });
console.log(`the area is ${step.value}`);
