/**
 * What a user holds of a scope. The tree behind it is in `scope-node.ts`; this file is
 * only the promise made to users, so errors can name a scope without importing the tree.
 */

/** A region of code that is cancelled as one. Opened by `cancelScope`, `withTimeout`, `taskGroup`, `shield` and `run`. */
export interface CancelScope {
  /** What it is called in messages. */
  readonly name: string;
  /** Whether `cancel` was called on this scope, or its own deadline passed. */
  readonly cancelCalled: boolean;
  /** Whether this scope ended by swallowing its own cancellation. False while it is open. */
  readonly cancelledCaught: boolean;
  /** Whether a checkpoint inside would throw now, be it by this scope or by one around it. */
  readonly isCancelled: boolean;
  /** The reason of the cancellation in force: that of the outermost visible scope. */
  readonly reason: unknown;
  /**
   * When the scope is cancelled by itself, in milliseconds on the loop's clock; `Infinity`
   * for never. It may be moved at any time. Setting `NaN` throws a `RangeError`.
   */
  deadline: number;
  /** The earliest deadline that holds here: its own or one around it, up to the nearest shield. */
  readonly effectiveDeadline: number;
  /** Whether a graceful stop was asked of this scope or of one around it. */
  readonly isStopping: boolean;
  /**
   * A standard signal, aborted when the scope is cancelled; its reason is the `Cancelled`.
   * Made when first read. It lives as long as the scope: for one call, `abortable` is cheaper and leaves nothing behind.
   */
  readonly signal: AbortSignal;
  /**
   * Cancels the scope: the next (or current) wait of every task inside throws `Cancelled`, and
   * so does each one after it, until the scope is left. The first reason wins; on a closed
   * scope nothing happens.
   */
  cancel(reason?: unknown): void;
  /**
   * Asks for a graceful stop (`isStopping` here and inside, `whenStopping` wakes), and cancels
   * `graceMs` later; `Infinity` waits for the work to end by itself. Repeated, it can only shorten the grace.
   *
   * @throws RangeError if `graceMs` is negative or `NaN`.
   */
  stop(options: { graceMs: number; reason?: unknown }): void;
  /** Waits until a graceful stop is asked of this scope or of one around it. Always a checkpoint. */
  whenStopping(): Promise<void>;
}
