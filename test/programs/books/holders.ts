/** Which tasks hold, or wait for, something that is theirs alone: only they may be told of a deadlock. */
import { currentTask, type Task } from "coppice";

export class Holders {
  readonly #things = new Map<Task<unknown>, (object | undefined)[]>();

  /** The current task holds `thing`; without one, it waits for something. */
  entered(thing?: object): Disposable {
    const task = currentTask() as Task<unknown>;
    const things = this.#things.get(task) ?? [];
    this.#things.set(task, things);
    things.push(thing);
    return { [Symbol.dispose]: () => things.splice(things.indexOf(thing), 1) };
  }

  isIn(thing: object): boolean {
    return this.#things.get(currentTask() as Task<unknown>)?.includes(thing) ?? false;
  }

  isInAny(): boolean {
    return (this.#things.get(currentTask() as Task<unknown>)?.length ?? 0) > 0;
  }
}
