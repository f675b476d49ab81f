/**
 * Methods that failed, told on standard error: the first failure of a method at once, and while it keeps failing a line
 * each second at the most, so that a broken method cannot slow the server down to the speed of its log.
 */
import process from "node:process";
import { inspect } from "node:util";
import { currentLoop } from "../kernel/scope.ts";
import { nameAndMessage, oneLine } from "./failure.ts";
import { countOf } from "./numbers.ts";
import { complain } from "./output.ts";

const QUIET_MS = 1_000;

export class FailureLog {
  readonly #isDebug: boolean;
  readonly #recent = new Map<string, { toldAt: number; untold: number }>();
  #total = 0;

  constructor(isDebug: boolean) {
    this.#isDebug = isDebug;
  }

  get total(): number {
    return this.#total;
  }

  add(error: unknown, method: string): void {
    this.#total++;
    const now = currentLoop().time();
    const recent = this.#recent.get(method);
    if (recent !== undefined && now - recent.toldAt < QUIET_MS) {
      recent.untold++;
      return;
    }
    const untold = recent?.untold ?? 0;
    this.#recent.set(method, { toldAt: now, untold: 0 });
    const before = untold === 0 ? "" : ` (and ${countOf(untold, "time")} more before)`;
    const what = oneLine(nameAndMessage(error));
    complain(`method ${method} failed${before}, the caller was told "Internal error": ${what}`);
    if (this.#isDebug) process.stderr.write(`${inspect(error)}\n`);
  }
}
