/**
 * Context variables: values that follow the flow of tasks instead of parameters. After Python's `contextvars`.
 *
 * A variable belongs to the task that sets it: what it calls and awaits sees the value, whichever scope that happens in; a task that
 * it spawns starts with the values of that moment, and then goes its own way.
 */
import { type Context, contextNode, contextOf, setContext } from "./context.ts";
import { InvalidStateError } from "./errors.ts";
import type { ScopeNode } from "./scope-node.ts";

/** What a context variable is where nobody has set it. */
export interface ContextVarOptions<T> {
  /** What `get` gives where no value was set. */
  readonly default?: T;
}

/** What a variable was before it was set. Disposing of it (`using`) resets the variable. */
export interface Token<T> {
  readonly variable: ContextVar<T>;
  /** The value before; `undefined` if there was none. */
  readonly oldValue: T | undefined;
  [Symbol.dispose](): void;
}

/**
 * A variable with a value for each flow of tasks.
 *
 * @example
 * ```ts
 * const requestId = new ContextVar<string>("request id");
 * group.spawn(async () => {
 *   using _ = requestId.set("42");
 *   await handle(); // requestId.get() is "42" in there, and in the tasks that it spawns
 * });
 * ```
 */
export class ContextVar<T> {
  readonly name: string;
  readonly #default: { readonly value: T } | undefined;

  constructor(name: string, options: ContextVarOptions<T> = {}) {
    this.name = name;
    this.#default = "default" in options ? { value: options.default as T } : undefined;
  }

  /**
   * The value that holds here, or else `fallback`, or else the default.
   * @throws InvalidStateError if there is none of them.
   */
  get(...fallback: [] | [fallback: T]): T {
    const context = contextOf(contextNode());
    if (context.has(this)) return context.get(this) as T;
    if (fallback.length === 1) return fallback[0];
    if (this.#default !== undefined) return this.#default.value;
    throw new InvalidStateError(`context variable "${this.name}" has no value here: set it, or give it a default`);
  }

  /** Sets the value for this task and for what it spawns from now on. The token takes that back. */
  set(value: T): Token<T> {
    const task = contextNode();
    const before = contextOf(task);
    setContext(task, new Map(before).set(this, value));
    return new SetToken<T>(this, task, before);
  }

  /**
   * Makes the variable what it was before the `set` that gave `token`.
   * @throws InvalidStateError if the token was used before, is another variable's, or was made in another task.
   */
  reset(token: Token<T>): void {
    if (!(token instanceof SetToken) || token.variable !== this) {
      throw new InvalidStateError(`reset of context variable "${this.name}" with a token that is not its own`);
    }
    token.use();
  }
}

class SetToken<T> implements Token<T> {
  readonly variable: ContextVar<T>;
  readonly oldValue: T | undefined;
  readonly #task: ScopeNode;
  readonly #before: Context;
  #isUsed = false;

  constructor(variable: ContextVar<T>, task: ScopeNode, before: Context) {
    this.variable = variable;
    this.oldValue = before.get(variable) as T | undefined;
    this.#task = task;
    this.#before = before;
  }

  use(): void {
    const task = contextNode();
    if (this.#isUsed || task !== this.#task) {
      const why = this.#isUsed ? "was used before" : `belongs to task "${this.#task.name}" and not to "${task.name}"`;
      throw new InvalidStateError(`the token of context variable "${this.variable.name}" ${why}`);
    }
    this.#isUsed = true;
    const context = new Map(contextOf(task));
    if (this.#before.has(this.variable)) context.set(this.variable, this.oldValue);
    else context.delete(this.variable);
    setContext(task, context);
  }

  [Symbol.dispose](): void {
    if (!this.#isUsed) this.use();
  }
}
