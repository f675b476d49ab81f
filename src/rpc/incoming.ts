/**
 * What a peer does with each message that comes in: starts requests, hands answers to the calls that wait for them, and
 * answers what is wrong as the specification says.
 *
 * This is the hot path of a service. A valid request makes its task, and nothing else.
 */
import { BrokenError } from "../kernel/errors.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Batch } from "./batch.ts";
import type { Calls } from "./calls.ts";
import { isRpcError } from "./errors.ts";
import { describe } from "./failure-report.ts";
import {
  classifyOther,
  type ErrorObject,
  internalError,
  invalidRequest,
  isRequest,
  methodNotFound,
  parseError,
  type Request,
  stopping,
  writeError,
  writeResult,
} from "./messages.ts";
import type { MethodTable } from "./methods.ts";
import type { Outbox } from "./outbox.ts";
import { type ReplyTo, Requests, type RequestTask } from "./requests.ts";

export interface IncomingOptions {
  readonly methods: MethodTable;
  readonly maxBatchLength: number;
  readonly onError: (error: unknown, method: string) => void;
  readonly outbox: Outbox;
  readonly calls: Calls;
}

export class Incoming {
  /** New requests are refused from now on. */
  isStopping = false;
  readonly #methods: MethodTable;
  readonly #maxBatchLength: number;
  readonly #onError: (error: unknown, method: string) => void;
  readonly #outbox: Outbox;
  readonly #calls: Calls;
  readonly #toPeer: ReplyTo = { reply: (text) => this.#reply(text) };
  #requests!: Requests;

  constructor(options: IncomingOptions) {
    this.#methods = options.methods;
    this.#maxBatchLength = options.maxBatchLength;
    this.#onError = options.onError;
    this.#outbox = options.outbox;
    this.#calls = options.calls;
  }

  /** Requests run below `parent`, in the name of `owner`. */
  begin(parent: ScopeNode, owner: object): Requests {
    this.#requests = new Requests(parent, owner, this.#requestEnded);
    return this.#requests;
  }

  /** Answers something that could not even be told to be a message. */
  refuse(error: ErrorObject): void {
    this.#toPeer.reply(writeError(error, null));
  }

  receive(text: string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.refuse(parseError(why));
      return;
    }
    if (Array.isArray(value)) this.#receiveBatch(value);
    else this.#receiveOne(value, this.#toPeer);
  }

  #receiveBatch(values: readonly unknown[]): void {
    if (values.length === 0) {
      this.refuse(invalidRequest("an empty batch"));
    } else if (values.length > this.#maxBatchLength) {
      const why = `a batch of ${values.length} is longer than maxBatchLength (${this.#maxBatchLength}): send it in parts`;
      this.refuse(invalidRequest(why));
    } else {
      const batch = new Batch(values.length, this.#toPeer);
      for (const [index, value] of values.entries()) this.#receiveOne(value, batch.slot(index));
    }
  }

  #receiveOne(value: unknown, replyTo: ReplyTo): void {
    if (isRequest(value)) {
      this.#receiveRequest(value, replyTo);
      return;
    }
    const message = classifyOther(value);
    switch (message.kind) {
      case "answer":
        this.#calls.settle(message);
        replyTo.reply(undefined);
        return;
      case "invalid":
        if (message.isAnswer) {
          this.#calls.fail(message.id, () => new BrokenError(`the peer's answer breaks the protocol: ${message.why}`));
          replyTo.reply(undefined);
        } else replyTo.reply(writeError(invalidRequest(message.why), message.id));
    }
  }

  #receiveRequest({ method, params, id }: Request, replyTo: ReplyTo): void {
    const fn = this.#methods.get(method);
    if (fn !== undefined && !this.isStopping) this.#requests.begin(method, fn, params, id, replyTo);
    else if (id === undefined) replyTo.reply(undefined);
    else replyTo.reply(writeError(fn === undefined ? methodNotFound(method) : stopping(), id));
  }

  readonly #requestEnded = (request: RequestTask, hasFailed: boolean, outcome: unknown): void => {
    const { id } = request;
    if (hasFailed && !isRpcError(outcome)) this.#report(outcome, request);
    if (id === undefined) request.replyTo.reply(undefined);
    else request.replyTo.reply(this.#writeAnswer(request, hasFailed, outcome));
  };

  #writeAnswer(request: RequestTask, hasFailed: boolean, outcome: unknown): string {
    const id = request.id ?? null;
    try {
      const text = hasFailed
        ? writeError(isRpcError(outcome) ? outcome : internalError(), id)
        : writeResult(outcome, id);
      this.#outbox.checkSize(text);
      return text;
    } catch (error) {
      // A result with a cycle or a bigint, or one too large.
      this.#report(error, request);
      return writeError(internalError(), id);
    }
  }

  #report(error: unknown, request: RequestTask): void {
    const complain = (second: unknown): void =>
      request.loop.warn(`onError of a peer failed, which it must not: ${describe(second)}`, "COPPICE_ON_ERROR_FAILED");
    try {
      const result: unknown = this.#onError(error, request.name);
      if (result instanceof Promise) result.catch(complain);
    } catch (second) {
      complain(second);
    }
  }

  #reply(text: string | undefined): void {
    if (text === undefined) return;
    try {
      this.#outbox.push(text);
    } catch {
      // Only the answers of a batch, each small enough, can be too large together.
      this.#outbox.push(writeError(internalError(), null));
    }
  }
}
