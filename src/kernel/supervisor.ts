/**
 * Supervisors: groups whose children fail alone (rule 2).
 */
import type { Returned } from "./body.ts";
import { ErrorGroup } from "./error-group.ts";
import { conduct, type Failures, type TaskGroup } from "./group.ts";
import { OBSERVED, type SettledTask } from "./scope-node.ts";

/**
 * Runs `body` with a group whose children do not take each other down: a failing child cancels nobody. Settles after the
 * body and every child have. Failures that nobody saw by then (by awaiting the task, `task.error()` or `task.result()`) are thrown
 * together as one `ErrorGroup`. A failure of the body itself cancels the children and is rethrown unchanged.
 *
 * @throws ErrorGroup if children failed unseen.
 */
export function supervisor<T>(body: (group: TaskGroup) => Returned<T>): Promise<T> {
  return conduct(new Kept(), body);
}

class Kept implements Failures {
  #failed: SettledTask[] = [];
  /** With how many of them those that were seen since are let go. */
  #limit = 0;

  taskFailed(task: SettledTask): boolean {
    if (this.#failed.push(task) > this.#limit) {
      this.#failed = this.#failed.filter(isUnseen);
      this.#limit = 2 * this.#failed.length;
    }
    return false;
  }

  atEnd(): Error | undefined {
    const unseen = this.#failed.filter(isUnseen);
    if (unseen.length === 0) return undefined;
    return new ErrorGroup(
      unseen.map((task) => task.outcome),
      `${unseen.length === 1 ? "a supervised task" : `${unseen.length} supervised tasks`} failed`,
    );
  }
}

function isUnseen({ flags }: SettledTask): boolean {
  return (flags & OBSERVED) === 0;
}
