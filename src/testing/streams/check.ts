/**
 * The conformance kit: every rule of the stream interfaces (`streams/byte-stream.ts`) as a check on a fresh pair of connected ends.
 *
 *   checkOneWayStream          the rules of `SendStream` and `ReceiveStream`
 *   checkTwoWayStream          those in both directions, and how the directions go together
 *   checkHalfCloseableStream   all of `ByteStream`: those, `sendEof` and `trySend`
 *
 * Each check is bounded by a timeout on the loop's clock, and abandoned when that is over: a stream that hangs may not heed a
 * cancellation either. After Trio's `check_one_way_stream` and kin.
 */
import { AssertionError } from "node:assert";
import { checkFunction } from "../../kernel/check-function.ts";
import { quietly } from "../../kernel/quiet.ts";
import { currentNode } from "../../kernel/scope.ts";
import { cancelScope, moveOnAfter } from "../../kernel/scopes.ts";
import { checkpoint } from "../../kernel/sleep.ts";
import { until } from "../../kernel/until.ts";
import type { ByteStream, Closable, ReceiveStream, SendStream } from "../../streams/byte-stream.ts";
import { Calls, End } from "./end.ts";
import { turns } from "./expect.ts";
import { describe, Finding } from "./finding.ts";
import type { Rule } from "./rules/rule.ts";
import { byteStreamRules, oneWayRules } from "./rules/tables.ts";
import { twoWayRules } from "./rules/two-way.ts";

/** What is known of the streams that are checked. */
export interface StreamCheckOptions {
  /** A send never waits, however much was sent that nobody received: the rules about waiting senders are left out. By default false. */
  readonly neverBlocks?: boolean;
  /** How long one check may take on the loop's clock; by default 10,000 ms. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
/** Of all checks. The promises that calls give are handled here, so what is left over is a promise of the stream's own. */
const NO_STRAYS = "a stream leaves no rejection of its own unhandled";

/**
 * Checks one-way streams against every rule of `SendStream` and `ReceiveStream`. `makePair` is called for each rule and gives two
 * connected ends, the sending one first, which are aborted when the check is over. Works on every loop and under every test runner.
 * Always a checkpoint; cancelled, it aborts the pair that it is at.
 *
 * @throws AssertionError if a rule is broken; it says which one and what was seen, and `cause` is the error that was seen, if any.
 *
 * @example
 * ```ts
 * test("a pipe keeps the contract of streams", () => virtualRun(() => checkOneWayStream(async () => makePipe())));
 * ```
 */
export function checkOneWayStream(
  makePair: () => Promise<readonly [SendStream, ReceiveStream]>,
  options: StreamCheckOptions = {},
): Promise<void> {
  return checkAll("checkOneWayStream", oneWayRules, ["the sending end", "the receiving end"], makePair, options);
}

/**
 * Checks two-way streams: all of `checkOneWayStream` in both directions, and that the directions do not disturb each other.
 *
 * @throws AssertionError as `checkOneWayStream`.
 */
export function checkTwoWayStream(
  makePair: () => Promise<readonly [SendStream & ReceiveStream, SendStream & ReceiveStream]>,
  options: StreamCheckOptions = {},
): Promise<void> {
  return checkBothWays("checkTwoWayStream", twoWayRules, makePair, options);
}

/**
 * Checks byte streams against every rule of `ByteStream`: all of `checkTwoWayStream`, `sendEof` and `trySend`.
 *
 * @throws AssertionError as `checkOneWayStream`.
 */
export function checkHalfCloseableStream(
  makePair: () => Promise<readonly [ByteStream, ByteStream]>,
  options: StreamCheckOptions = {},
): Promise<void> {
  return checkBothWays("checkHalfCloseableStream", byteStreamRules, makePair, options);
}

type MakePair = () => Promise<readonly [Closable, Closable]>;

function checkBothWays(kit: string, further: readonly Rule[], makePair: MakePair, options: StreamCheckOptions) {
  const flipped: MakePair = async () => {
    const [first, second] = await makePair();
    return [second, first];
  };
  const names = ["the first end", "the second end"] as const;
  return quietly(async () => {
    const rules = [...oneWayRules, ...further];
    await checkAll(kit, rules, names, makePair, options);
    await checkAll(kit, rules, [names[1], names[0]], flipped, options);
  });
}

function checkAll(
  kit: string,
  rules: readonly Rule[],
  names: readonly [string, string],
  makePair: MakePair,
  { neverBlocks = false, timeoutMs = TIMEOUT_MS }: StreamCheckOptions,
): Promise<void> {
  if (!(timeoutMs > 0)) {
    return Promise.reject(new RangeError(`${kit}: timeoutMs: expected more than 0 milliseconds, got ${timeoutMs}`));
  }
  return quietly(async () => {
    checkFunction(kit, makePair);
    for (const rule of rules) {
      if (neverBlocks && rule.needsBlocking === true) continue;
      await checkpoint();
      await checkRule(kit, rule, names, makePair, timeoutMs);
    }
  });
}

async function checkRule(
  kit: string,
  { rule, check }: Rule,
  names: readonly [string, string],
  makePair: MakePair,
  timeoutMs: number,
): Promise<void> {
  const calls = new Calls();
  let made: readonly [Closable, Closable] | undefined;
  let giveUp!: () => void;
  const work = cancelScope(async (scope): Promise<{ readonly error?: unknown }> => {
    giveUp = () => scope.cancel("the check took too long");
    try {
      made = await makePair();
      await check({ a: new End(names[0], made[0], calls), b: new End(names[1], made[1], calls) });
      return {};
    } catch (error) {
      return { error };
    }
  });
  const unhandled: unknown[] = [];
  const note = (reason: unknown): unknown => unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    const ended = await moveOnAfter(timeoutMs, () => until(work));
    if (ended === undefined) {
      const seen = hanging(calls, timeoutMs, made !== undefined);
      // Whatever heeds it is not left behind.
      giveUp();
      await turns(1);
      fail(kit, rule, seen);
    }
    // What `makePair` throws is its own, and so is a cancellation of the caller.
    if ("error" in ended && (made === undefined || currentNode().cancelledBy !== null)) throw ended.error;
    if ("error" in ended) fail(kit, rule, told(ended.error, calls), ended.error);
    // They are told when the microtasks of a turn have run dry.
    await turns(1);
    if (unhandled.length > 0) fail(kit, NO_STRAYS, `${describe(unhandled[0])}, while checking: ${rule}`, unhandled[0]);
  } finally {
    process.off("unhandledRejection", note);
    for (const stream of made ?? []) abortQuietly(stream);
  }
}

function fail(kit: string, rule: string, seen: string, error?: unknown): never {
  const failure = new AssertionError({ message: `${kit}: the stream breaks a rule: ${rule}.\nSeen: ${seen}` });
  const cause = error instanceof Finding ? error.cause : error;
  throw cause === undefined ? failure : Object.assign(failure, { cause });
}

function told(error: unknown, calls: Calls): string {
  if (error instanceof Finding) return error.message;
  const origin = calls.originOf(error);
  return origin === undefined ? describe(error) : `${origin} failed with ${describe(error)}`;
}

function hanging({ waiting }: Calls, timeoutMs: number, isMade: boolean): string {
  const what = waiting.length === 0 ? "the check" : waiting.join(", ");
  return `nothing more happened within ${timeoutMs} ms; ${isMade ? what : "makePair()"} has not settled`;
}

/** The check is over; that `abort` does not throw is a rule of its own. */
function abortQuietly(stream: Closable): void {
  try {
    stream.abort();
  } catch {
    // Told by that rule.
  }
}
