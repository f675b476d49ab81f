/**
 * Calls made and not answered yet, by id.
 *
 *   made --answer--> settled      --cancelled--> forgotten (a late answer is ignored)      --connection over--> failed
 */
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import { RpcError } from "./errors.ts";
import type { Answer, Id } from "./messages.ts";

export class Calls {
  readonly #waiting = new Map<Id, CallWaiter>();
  #lastId = 0;

  nextId(): number {
    return ++this.#lastId;
  }

  wait(scope: ScopeNode, id: number): Promise<unknown> {
    const waiter = new CallWaiter(scope, () => this.#waiting.delete(id));
    this.#waiting.set(id, waiter);
    return waiter.promise;
  }

  /** An answer that nobody waits for is ignored. */
  settle(answer: Answer): void {
    const waiter = this.#take(answer.id);
    if (waiter === undefined) return;
    const { outcome } = answer;
    if ("result" in outcome) waiter.wake(outcome.result);
    else {
      const { code, message, data } = outcome.error;
      waiter.fail(() => new RpcError(code, message, data));
    }
  }

  fail(id: Id, make: () => Error): void {
    this.#take(id)?.fail(make);
  }

  failAll(make: () => Error): void {
    for (const id of [...this.#waiting.keys()]) this.fail(id, make);
  }

  #take(id: Id): CallWaiter | undefined {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiter;
  }
}

class CallWaiter extends Waiter<unknown> {
  readonly #forget: () => void;

  constructor(scope: ScopeNode, forget: () => void) {
    super(scope);
    this.#forget = forget;
  }

  protected override abandoned(): void {
    this.#forget();
  }
}
