/**
 * Errors of callbacks. They have no caller who could be told, so the loop's exception handler is, and the loop goes on. After asyncio's.
 */
import { instruments } from "../kernel/instrument.ts";
import type { Loop } from "../kernel/ports.ts";
import { printedError } from "../kernel/unobserved.ts";

/** What an exception handler is told. */
export interface ExceptionContext {
  /** What has happened, for people. */
  readonly message: string;
  /** What was thrown. */
  readonly error?: unknown;
  /** What it happened with: a handle, a transport, a protocol, a future, as the case may be. */
  readonly source?: object;
}

/** Told of the errors of callbacks. */
export type ExceptionHandler = (context: ExceptionContext) => void;

export class ExceptionReports {
  handler: ExceptionHandler | undefined;
  readonly #loop: Loop;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  /** Tells the handler; if it throws, the default one is told of both. */
  report(context: ExceptionContext): void {
    const { handler } = this;
    if (handler === undefined) {
      this.reportByDefault(context);
      return;
    }
    try {
      handler(context);
    } catch (error) {
      this.reportByDefault(context);
      this.reportByDefault({ message: "the exception handler itself threw", error });
    }
  }

  reportByDefault({ message, error, source }: ExceptionContext): void {
    const place = source === undefined ? undefined : instruments.debug?.madeAt(source);
    const what = error === undefined ? message : `${message}\n${printedError(error)}`;
    this.#loop.warn(`${what}${place ?? ""}`, "COPPICE_CALLBACK_ERROR");
  }
}
