/** The errors of streams, and of making and accepting them. */
import { ErrorGroup } from "../kernel/error-group.ts";
import { identify } from "../kernel/errors.ts";

/** Received bytes that break the framing: too large, cut off, not what the protocol allows. */
export class FrameError extends Error {
  declare readonly code: "FRAME";
  static {
    identify(FrameError, "FrameError", "FRAME");
  }
}

/**
 * A connection could not be made. `cause` is the system's error, `systemCode` its code (`ECONNREFUSED` and kin). Where several addresses were
 * tried, `cause` is an `ErrorGroup` with a `ConnectError` for each, and `systemCode` is the code that all of them have, if it is one.
 */
export class ConnectError extends Error {
  declare readonly code: "CONNECT";
  readonly systemCode: string | undefined;

  constructor(message: string, options: { cause: unknown }) {
    super(message, options);
    this.systemCode = systemCode(options.cause);
  }

  static {
    identify(ConnectError, "ConnectError", "CONNECT");
  }
}

/** An address could not be listened on. `cause` is the system's error, `systemCode` its code (`EADDRINUSE` and kin). */
export class ListenError extends Error {
  declare readonly code: "LISTEN";
  readonly systemCode: string | undefined;

  constructor(message: string, options: { cause: unknown }) {
    super(message, options);
    this.systemCode = systemCode(options.cause);
  }

  static {
    identify(ListenError, "ListenError", "LISTEN");
  }
}

function systemCode(cause: unknown): string | undefined {
  if (cause instanceof ErrorGroup) {
    const codes = new Set(cause.errors.map((error) => (error instanceof ConnectError ? error.systemCode : undefined)));
    return codes.size === 1 ? [...codes][0] : undefined;
  }
  return typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined;
}
