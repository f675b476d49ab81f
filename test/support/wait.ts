/** One row of the table in `waits.ts`: a wait that somebody else ends. */
export interface Wait {
  readonly name: string;
  open(): OpenWait;
}

export interface OpenWait {
  /** Begins to wait. */
  wait(): PromiseLike<unknown>;
  /** Ends the wait, or makes the next one ready. */
  wake(): void;
  /** What the wait gives. */
  readonly value: unknown;
  /** How often the wait had its effect, as the other side sees it. */
  readonly effects?: () => number;
  /** Ends what the table itself started. */
  end(): void;
}
