/** The scopes and waits right below a place in the tree, which nobody awaited if they outlive what opened them. */
import type { Interruptible, ScopeNode } from "../../kernel/scope-node.ts";
import { TaskNode } from "../../kernel/task.ts";
import type { Leak } from "./leak.ts";

export class OpenBelow {
  readonly #node: ScopeNode;
  readonly #before: ReadonlySet<unknown>;

  /** What is there now is not looked at later. */
  constructor(node: ScopeNode) {
    this.#node = node;
    this.#before = new Set<unknown>([...scopesOf(node), ...waitsOf(node)]);
  }

  leaks(): Leak[] {
    const leaks: Leak[] = [];
    for (const scope of scopesOf(this.#node)) {
      // Tasks are known by themselves.
      if (this.#before.has(scope) || scope instanceof TaskNode) continue;
      leaks.push({ kind: "scope", what: `${scope.name}, opened and not awaited`, where: undefined, value: scope });
    }
    for (const wait of waitsOf(this.#node)) {
      if (this.#before.has(wait)) continue;
      leaks.push({
        kind: "wait",
        what: `${kindOf(wait)}, begun and not awaited`,
        where: undefined,
        value: wait,
      });
    }
    return leaks;
  }
}

function* scopesOf(node: ScopeNode): Generator<ScopeNode> {
  for (let child = node.firstChild; child !== null; child = child.next) yield child;
}

function* waitsOf(node: ScopeNode): Generator<Interruptible> {
  for (let waiter = node.firstWaiter; waiter !== null; waiter = waiter.nextInScope) yield waiter;
}

/** `SleepWaiter` stands for a sleep. */
function kindOf(wait: Interruptible): string {
  const kind = wait.constructor.name.replace(/Waiter$/, "");
  return kind === "" ? "a wait" : `a wait (${kind.toLowerCase()})`;
}
