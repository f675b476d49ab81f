/**
 * The errors of JSON-RPC 2.0, section 5.1.
 */

/** What came is no JSON. */
export const PARSE_ERROR = -32700;
/** It is JSON, but no request. */
export const INVALID_REQUEST = -32600;
/** Nothing of that name is served. */
export const METHOD_NOT_FOUND = -32601;
/** The method does not take these params; for methods to throw, as code of an `RpcError`. */
export const INVALID_PARAMS = -32602;
/** The method failed, and the caller is not told how. */
export const INTERNAL_ERROR = -32603;
/** The server was asked to stop and takes no new requests. From the range that is left to servers. */
export const SERVER_STOPPING = -32000;

/**
 * An error as it crosses the wire. Thrown by a method, it is the answer; thrown by `peer.request`, it is what the other side answered.
 * Codes from -32768 to -32000 are reserved; an application's own lie outside.
 */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  /** @throws RangeError if `code` is not a whole number. */
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    if (!Number.isInteger(code)) throw new RangeError(`RpcError: expected a whole number as code, got ${String(code)}`);
    this.code = code;
    this.data = data;
  }

  static {
    Object.defineProperty(RpcError.prototype, "name", { value: "RpcError", configurable: true, writable: true });
  }
}

/** Whether it is an `RpcError`, be it of another copy of this library. */
export function isRpcError(error: unknown): error is RpcError {
  return (
    error instanceof RpcError ||
    (error instanceof Error && error.name === "RpcError" && "code" in error && Number.isInteger(error.code))
  );
}
