/**
 * Where the values of context variables live: each task has a map of its own, never changed but replaced, so a child inherits the
 * map of its spawner by reference (rule 13) and neither sees what the other sets later.
 *
 * A program that sets no variable pays one look at a flag for each task. Rejected: an `AsyncLocalStorage` each (every one makes
 * entering a scope dearer, and a value set in a function that was awaited would be lost on the way back).
 */
import { ambientNode } from "./scope.ts";
import type { ScopeNode } from "./scope-node.ts";

export type Context = ReadonlyMap<object, unknown>;

/** Whether any variable was ever set. */
export const contexts: { areInUse: boolean } = { areInUse: false };

const EMPTY: Context = new Map();

/** The task whose variables the running code sees. */
export function contextNode(): ScopeNode {
  return ambientNode().taskNode;
}

export function contextOf(task: ScopeNode): Context {
  return task.extras?.context ?? EMPTY;
}

export function setContext(task: ScopeNode, context: Context): void {
  contexts.areInUse = true;
  task.rare().context = context;
}

/** `task` is being spawned by the running code. */
export function inheritContext(task: ScopeNode): void {
  const context = contextNode().extras?.context;
  if (context !== undefined) task.rare().context = context;
}
