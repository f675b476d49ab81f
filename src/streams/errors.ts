/** The errors of streams, and of making and accepting them. */
import { identify } from "../kernel/errors.ts";

/** Received bytes that break the framing: too large, cut off, not what the protocol allows. */
export class FrameError extends Error {
  declare readonly code: "FRAME";
  static {
    identify(FrameError, "FrameError", "FRAME");
  }
}

/** A connection could not be made. `cause` is the system's error, `systemCode` its code (`ECONNREFUSED` and kin). */
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
  return typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined;
}
