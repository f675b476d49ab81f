/**
 * The messages of JSON-RPC 2.0 as text: telling them apart, and writing them.
 *
 *   has `method`                         a request; without `id`, a notification
 *   has `result` or `error`, no `method` an answer
 *   anything else                        invalid
 *
 * An `id` is a string, a number or null; `0`, `""` and `null` are ids, and only an absent member makes a notification.
 * Members are written in the order of the original server: `{"result":"ok","id":"e549a9cb","jsonrpc":"2.0"}`.
 */
import { INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, SERVER_STOPPING } from "./errors.ts";

export type Id = string | number | null;
export type Params = readonly unknown[] | { readonly [name: string]: unknown };

export interface Request {
  readonly method: string;
  readonly params: Params | undefined;
  /** `undefined` for a notification. */
  readonly id: Id | undefined;
}

export interface Answer {
  readonly kind: "answer";
  readonly id: Id;
  readonly outcome: { readonly result: unknown } | { readonly error: ErrorObject };
}

/** An error as it crosses the wire; an `RpcError` is one. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export interface Invalid {
  readonly kind: "invalid";
  readonly id: Id;
  readonly why: string;
  /** Whether it was meant as an answer: an answer is never answered. */
  readonly isAnswer: boolean;
}

/** Whatever came, by the members that matter. */
interface Message {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** Whether it is a valid request. The message itself is the request: the common case makes no object. */
export function isRequest(value: unknown): value is Request {
  if (typeof value !== "object" || value === null) return false;
  const { jsonrpc, id, method, params } = value as Message;
  return (
    jsonrpc === "2.0" &&
    typeof method === "string" &&
    (id === undefined || isId(id)) &&
    (params === undefined || (typeof params === "object" && params !== null))
  );
}

/** Tells what a message is that is no valid request. */
export function classifyOther(value: unknown): Answer | Invalid {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return invalid(null, "expected an object");
  const message = value as Message;
  const { id, method } = message;
  const validId = isId(id) ? id : null;
  if (method === undefined && (message.result !== undefined || message.error !== undefined)) {
    return classifyAnswer(message, id);
  }
  if (message.jsonrpc !== "2.0") return invalid(validId, 'expected the member "jsonrpc" to be "2.0"');
  if (typeof method !== "string") return invalid(validId, 'expected the member "method" to be a string');
  if (id !== undefined && !isId(id)) return invalid(null, 'expected the member "id" to be a string, a number or null');
  return invalid(validId, 'expected the member "params" to be an array or an object');
}

function classifyAnswer(message: Message, id: unknown): Answer | Invalid {
  const { result, error } = message;
  if (!isId(id)) return { ...invalid(null, "an answer needs an id"), isAnswer: true };
  if (message.jsonrpc !== "2.0") return { ...invalid(id, 'expected the member "jsonrpc" to be "2.0"'), isAnswer: true };
  if (error === undefined || error === null) {
    if (result === undefined) return { ...invalid(id, "an answer needs a result or an error"), isAnswer: true };
    return { kind: "answer", id, outcome: { result } };
  }
  if (result !== undefined && result !== null) {
    return { ...invalid(id, "an answer has a result or an error, not both"), isAnswer: true };
  }
  const { code, message: text, data } = error as Partial<Record<keyof ErrorObject, unknown>>;
  if (!Number.isInteger(code) || typeof text !== "string") {
    return { ...invalid(id, "an error needs a whole number as code and a message"), isAnswer: true };
  }
  return { kind: "answer", id, outcome: { error: { code: code as number, message: text, data } } };
}

function invalid(id: Id, why: string): Invalid {
  return { kind: "invalid", id, why, isAnswer: false };
}

function isId(value: unknown): value is Id {
  // JSON.parse makes `1e999` an Infinity, which JSON cannot give back.
  return typeof value === "string" || Number.isFinite(value) || value === null;
}

/** @throws TypeError if `params` cannot be written as a JSON array or object. */
export function writeRequest(method: string, params: Params | undefined, id: number | undefined): string {
  const head = `{"method":${JSON.stringify(method)},`;
  const tail = id === undefined ? '"jsonrpc":"2.0"}' : `"id":${id},"jsonrpc":"2.0"}`;
  if (params === undefined) return head + tail;
  const text: string | undefined = JSON.stringify(params);
  // An object may say by `toJSON` that it is something else: a date is a string.
  if (!(text?.startsWith("{") || text?.startsWith("["))) {
    throw new TypeError(`params of "${method}": as JSON they are ${text ?? "nothing"}, not an array or an object`);
  }
  return `${head}"params":${text},${tail}`;
}

/** @throws TypeError if `result` cannot be written as JSON. */
export function writeResult(result: unknown, id: Id): string {
  const text = JSON.stringify({ result, id, jsonrpc: "2.0" });
  // What JSON does not know (undefined, a function) is left out by `stringify`; an answer must have a result.
  return text.startsWith(RESULT_FIRST) ? text : `{"result":null,"id":${JSON.stringify(id)},"jsonrpc":"2.0"}`;
}

const RESULT_FIRST = '{"result":';

/** @throws TypeError if the error's data cannot be written as JSON. */
export function writeError(error: ErrorObject, id: Id): string {
  const data = error.data === undefined ? "" : `,"data":${JSON.stringify(error.data) ?? "null"}`;
  return `{"error":{"code":${error.code},"message":${JSON.stringify(error.message)}${data}},"id":${JSON.stringify(id)},"jsonrpc":"2.0"}`;
}

// The messages are those of the specification; what exactly is wrong stands in `data`.

export function parseError(why: string): ErrorObject {
  return { code: PARSE_ERROR, message: "Parse error", data: why };
}

export function invalidRequest(why: string): ErrorObject {
  return { code: INVALID_REQUEST, message: "Invalid Request", data: why };
}

export function methodNotFound(method: string): ErrorObject {
  return {
    code: METHOD_NOT_FOUND,
    message: "Method not found",
    data: `no method ${JSON.stringify(method)} is served here`,
  };
}

export function internalError(): ErrorObject {
  return { code: INTERNAL_ERROR, message: "Internal error" };
}

export function stopping(): ErrorObject {
  return {
    code: SERVER_STOPPING,
    message: "Server is stopping",
    data: "it answers what it has begun and begins nothing new",
  };
}
