/** What keeps the books of something that programs share, and what a program tells it. */
import type { Step, Use } from "./program.ts";

/** Keeps the books of something shared, and checks them. */
export interface Book {
  use(step: Use, machine: Executor, life: Life): Promise<void>;
  /** What holds at every moment. */
  check(): void;
  /** What holds when every task is blocked. */
  checkAtRest(): void;
  /** What holds when the program is over. */
  checkAtEnd(): Promise<void>;
}

/** How long a group and those around it last. */
export interface Life {
  readonly of: string;
  isOver: boolean;
  readonly around: Life | undefined;
}

/** What a book needs of the machine. */
export interface Executor {
  execute(step: Step, life: Life): Promise<void>;
  note(step: Step, what: string, life: Life): void;
  /** Waits, for so long at most. What `begin` gives is given, or `undefined`, where time ran out. */
  waitAtMost<T>(limitMs: number, begin: () => PromiseLike<T>): Promise<{ value: T } | undefined>;
}
