/**
 * The requests that one connection is working on: a task each, under one node of the tree.
 *
 * Cancelling the node cancels them all; it is drained when the last has ended, cleanup included. A request needs
 * no closure and no wrapper function: its task is a subclass that knows what to call and whom to answer.
 */
import { Cancelled } from "../kernel/errors.ts";
import { cancelNode, closeNode } from "../kernel/propagation.ts";
import { currentNode, Scope } from "../kernel/scope.ts";
import type { ScopeNode, SettledTask } from "../kernel/scope-node.ts";
import { TaskNode } from "../kernel/task.ts";
import type { Id, Params } from "./messages.ts";
import { callMethod, type Method } from "./methods.ts";

/** Where the answer to a request goes; a notification has none. */
export interface ReplyTo {
  reply(text: string | undefined): void;
}

/** What became of a request that was not cut off. */
export type RequestEnd = (request: RequestTask, failed: boolean, outcome: unknown) => void;

export class Requests extends Scope {
  /** The peer that received them. */
  readonly owner: object;
  readonly #ended: RequestEnd;
  #count = 0;
  /** Wake those who wait for one to end. */
  #wakes: (() => void)[] = [];

  constructor(parent: ScopeNode, owner: object, ended: RequestEnd) {
    super(parent, parent.loop, "requests of a connection");
    this.owner = owner;
    this.#ended = ended;
  }

  /** How many are being worked on. */
  get count(): number {
    return this.#count;
  }

  begin(method: string, fn: Method, params: Params | undefined, id: Id | undefined, replyTo: ReplyTo): void {
    this.#count++;
    this.loop.start(new RequestTask(this, method, fn, params, id, replyTo));
  }

  /** Settles when fewer than `limit` are being worked on. Not a checkpoint: those who wait are cancelled with the requests. */
  async fewerThan(limit: number): Promise<void> {
    while (this.#count >= limit) await this.#nextEnd();
  }

  override taskSettled(task: SettledTask): void {
    const request = task as RequestTask;
    const { hasFailed, outcome } = request;
    this.#count--;
    // Cut off with the connection: nobody is left to answer to. One that was cancelled alone still owes its answer.
    if (!(hasFailed && this.isCancelled && outcome instanceof Cancelled)) this.#ended(request, hasFailed, outcome);
    this.#wakeAll();
  }

  override childClosed(): void {
    this.#wakeAll();
  }

  /** Cancels what is left, waits until it has ended, and leaves the tree. */
  async end(reason: string): Promise<void> {
    cancelNode(this, reason, "the end of the connection");
    while (this.firstChild !== null) await this.#nextEnd();
    closeNode(this);
  }

  #nextEnd(): Promise<void> {
    return new Promise((resolve) => this.#wakes.push(resolve));
  }

  #wakeAll(): void {
    if (this.#wakes.length === 0) return;
    for (const wake of this.#wakes.splice(0)) wake();
  }
}

export class RequestTask extends TaskNode<unknown> {
  // Declared here and assigned in the constructor, as in `ScopeNode`.
  declare readonly id: Id | undefined;
  declare readonly replyTo: ReplyTo;
  declare private readonly fn: Method;
  declare private readonly params: Params | undefined;

  constructor(
    parent: Requests,
    method: string,
    fn: Method,
    params: Params | undefined,
    id: Id | undefined,
    replyTo: ReplyTo,
  ) {
    super(parent, method);
    this.id = id;
    this.replyTo = replyTo;
    this.fn = fn;
    this.params = params;
  }

  protected override invoke(): unknown {
    return callMethod(this.fn, this.params);
  }
}

/** The peer whose request the running code works on. */
export function currentRequestOwner(): object | undefined {
  for (let at: ScopeNode | null = currentNode(); at !== null; at = at.parent)
    if (at instanceof Requests) return at.owner;
  return undefined;
}
