/**
 * What the user is told when something fails: one line, and an exit code.
 *
 * What came from elsewhere (a peer's message, a module's error) may hold anything, so control characters are written as
 * escapes: it stays one line, and it does not drive the terminal.
 */
import { BrokenError, TimeoutError } from "../kernel/errors.ts";
import { RpcError } from "../rpc/errors.ts";
import { ConnectError, FrameError, ListenError } from "../streams/errors.ts";
import { FAILED, NO_CONNECTION, TIMED_OUT } from "./exit-codes.ts";

/** An error whose message is meant for the user as it stands. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }

  static {
    Object.defineProperty(Failure.prototype, "name", { value: "Failure", configurable: true, writable: true });
  }
}

/** Their messages say it all; of other errors the class is told as well. */
const MEANT_FOR_THE_USER = [Failure, ConnectError, ListenError, BrokenError, FrameError];

/** What to say about `error`, without a stack, and how to exit. */
export function describeFailure(error: unknown): { readonly line: string; readonly exitCode: number } {
  return { line: oneLine(sentenceOf(error)), exitCode: exitCodeOf(error) };
}

function sentenceOf(error: unknown): string {
  if (error instanceof RpcError) return `answered with error ${error.code}: ${error.message}${dataOf(error)}`;
  if (MEANT_FOR_THE_USER.some((type) => error instanceof type)) return (error as Error).message;
  return nameAndMessage(error);
}

/** As `String(error)` where that works, and something true where it throws. */
export function nameAndMessage(error: unknown): string {
  try {
    return String(error);
  } catch {
    return `a value of type ${typeof error} that cannot be shown`;
  }
}

function dataOf({ data }: RpcError): string {
  if (data === undefined) return "";
  return ` (${typeof data === "string" ? data : JSON.stringify(data)})`;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof Failure) return error.exitCode;
  if (error instanceof ConnectError || error instanceof ListenError) return NO_CONNECTION;
  return error instanceof TimeoutError ? TIMED_OUT : FAILED;
}

/** `text` with its control characters as escapes: `\n` for a line break. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    const known = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
    return known ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
