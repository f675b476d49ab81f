/**
 * One line of a terminal, rewritten in place. Nothing at all where the stream is no terminal.
 */

/** What is needed of `process.stdout`. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const DEFAULT_COLUMNS = 80;
/** Room for the ^C that a terminal writes at the cursor, and for the cursor behind it. */
const RESERVED_COLUMNS = 3;
const CLEAR_TO_END = "\u001b[K";

export class LiveLine {
  readonly #terminal: Terminal;
  #isShown = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  get isLive(): boolean {
    return this.#terminal.isTTY === true;
  }

  /** Replaces the line. It is cut to what the terminal shows in one row, for a line that wraps cannot be rewritten. */
  show(text: string): void {
    if (!this.isLive) return;
    this.#isShown = true;
    const width = Math.max(0, (this.#terminal.columns || DEFAULT_COLUMNS) - RESERVED_COLUMNS);
    this.#terminal.write(`\r${text.slice(0, width)}${CLEAR_TO_END}`);
  }

  /** Takes the line away, and leaves the cursor at the beginning of the empty line. */
  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#terminal.write(`\r${CLEAR_TO_END}`);
  }
}
