/** What a leak guard found, and the error that says so. */

/** One thing that was left behind. */
export interface Leak {
  readonly kind: "task" | "scope" | "wait" | "timer" | "resource" | "listener" | "error" | "warning";
  /** What it is, in words. */
  readonly what: string;
  /** The stack frame that it came from, if that is known. */
  readonly where: string | undefined;
  /** The thing itself, if there is one: the error, the listener, the handle. */
  readonly value: unknown;
}

/** Something that a function started was left behind. `leaks` tells what. */
export class LeakError extends Error {
  declare readonly code: "LEAK";
  readonly leaks: readonly Leak[];

  constructor(name: string, leaks: readonly Leak[]) {
    const things = leaks.length === 1 ? "1 thing" : `${leaks.length} things`;
    const lines = leaks.map(({ kind, what, where }) => `  ${kind}: ${what}${where === undefined ? "" : ` (${where})`}`);
    super([`${name} left ${things} behind:`, ...lines].join("\n"));
    this.leaks = leaks;
  }

  static {
    Object.defineProperty(LeakError.prototype, "name", { value: "LeakError", configurable: true, writable: true });
    Object.defineProperty(LeakError.prototype, "code", { value: "LEAK", configurable: true, writable: true });
  }
}

/** Where the library is, as stack frames name it: with the scheme of the URL or, where a test runner has loaded the module, without. */
const LIBRARY = new URL("../..", import.meta.url).pathname;

/** The first frame of the user in the stack of `error`. */
export function userFrame(error: Error): string | undefined {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return frames.find((line) => !line.includes(LIBRARY) && !line.includes("(node:") && !line.includes(" node:"))?.trim();
}
