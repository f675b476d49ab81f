/**
 * A wait that code which knows nothing of tasks ends by a call: a callback, a listener.
 *
 *   waiting --succeed, failWith--> over    the first call counts, later ones are ignored
 *   waiting --interrupt----------> cut     what was begun is undone, then the wait throws `Cancelled`, or what the undoing threw
 *
 * Undoing is user code, so it runs when the whole tree has been told of the cancellation. And what is begun is begun inside the call, though
 * the event loop may be due a turn: that comes after the wait, because the event that is waited for may happen during it.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { Waiter } from "../kernel/waiter.ts";

/** How the code outside ends the wait. */
export interface Ending<T> {
  succeed(value: T): void;
  failWith(error: unknown): void;
}

/**
 * Calls `begin` and waits until one of the functions of its argument is called. A function that `begin` returns is called when the
 * wait is cut short, and only then. Always a checkpoint.
 */
export function waitForCall<T>(begin: (ending: Ending<T>) => unknown): Promise<T> {
  const scope = currentNode();
  const isTurnDue = mustDetour(scope);
  if (scope.cancelledBy !== null) return detour(scope, () => waitForCall(begin));
  const waiter = new CallWaiter<T>(scope);
  try {
    waiter.hasBegun(begin(waiter));
  } catch (error) {
    waiter.hasFailedToBegin(error);
  }
  if (!isTurnDue) return waiter.promise;
  return quietly(async () => {
    const value = await waiter.promise;
    await scope.loop.breathe();
    return value;
  });
}

class CallWaiter<T> extends Waiter<T> implements Ending<T> {
  #state: "beginning" | "waiting" | "over" | "cut while beginning" = "beginning";
  #undo: (() => unknown) | undefined;

  succeed(value: T): void {
    if (this.#isOpen()) this.#end(() => this.wake(value));
  }

  failWith(error: unknown): void {
    if (this.#isOpen()) this.#end(() => this.fail(() => error));
  }

  hasBegun(undo: unknown): void {
    if (typeof undo === "function") this.#undo = undo as () => unknown;
    if (this.#state === "beginning") this.#state = "waiting";
    else if (this.#state === "cut while beginning") this.#end(() => this.#unwind());
  }

  hasFailedToBegin(error: unknown): void {
    if (this.#state !== "over") this.#end(() => this.fail(() => error));
  }

  override interrupt(): (() => void) | undefined {
    if (this.#state === "beginning") {
      this.#state = "cut while beginning";
      return undefined;
    }
    this.#state = "over";
    return () => this.#unwind();
  }

  #isOpen(): boolean {
    return this.#state === "beginning" || this.#state === "waiting";
  }

  #end(settle: () => void): void {
    this.#state = "over";
    settle();
  }

  #unwind(): void {
    try {
      this.#undo?.();
    } catch (error) {
      this.fail(() => error);
      return;
    }
    super.interrupt();
  }
}
