/**
 * Tests as one wrapper around their function, for every runner that calls a test with its context and waits for the promise: `node:test`, Vitest.
 *
 *   the function fails              the test fails with that error; with a seed, its message says how to replay the run
 *   it takes longer than allowed    every wait is cut short, and the test fails with the tasks that were blocked, and where
 *   it leaves something behind      the test fails with a list
 */
import { type Returned, settled } from "../kernel/body.ts";
import { DeadlockError, InvalidStateError, TimeoutError } from "../kernel/errors.ts";
import { defaultLoop } from "../kernel/ports.ts";
import { quietly } from "../kernel/quiet.ts";
import { run } from "../kernel/run.ts";
import { currentNode, isInsideRun } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { checkDuration } from "../kernel/scopes.ts";
import { freshSeed } from "../loops/virtual/random.ts";
import { type LeakGuardOptions, withLeakGuard } from "./leak-guard.ts";
import { type VirtualRunOptions, virtualRun } from "./virtual-run.ts";

/** Below the five seconds that Vitest allows, whose message cannot name what was blocked. */
const TIMEOUT_MS = 4_000;
/** How long cleanup may take, after a test took too long, before its waits are cut short too. */
const CLEANUP_MS = 500;
/** The environment variable that replays a run, or tries new ones. */
const SEED_VARIABLE = "COPPICE_SEED";

/** The time limit of a test on the real loop, and whether its leaks are looked for. */
export interface RealTestOptions {
  /** How long the test may take, in real milliseconds: 4,000 by default, which is less than Vitest allows. `Infinity` for no limit. */
  readonly timeoutMs?: number;
  /** What the leak guard is to know; `false` for none. */
  readonly leaks?: LeakGuardOptions | false;
}

/** The seed, the timers, the time limit and the leak guard of a test on virtual time. */
export interface VirtualTestOptions extends RealTestOptions {
  /**
   * Draws the order of what happens in the same moment: a number, or "random" for another one each time. Without it, everything goes in the order of arrival.
   * The environment variable COPPICE_SEED (a number, or "random") stands above this, for every test.
   */
  readonly seed?: number | "random";
  /** How often to run the test, each time with the next seed (from 0 on, where none is given); the first failure ends it. 1 by default. */
  readonly runs?: number;
  /** As for `virtualRun`. */
  readonly hostTimers?: boolean;
}

/**
 * A test in virtual time, for `test(name, virtual(fn, options))` of `node:test` or Vitest, whose context is handed to `fn`. It fails when `fn`
 * does, when every task is blocked, when something is left behind, and after too long a time, then with the tasks that were blocked.
 *
 * @example
 * ```ts
 * test("a retry comes after a second", virtual(async () => {
 *   const calls = await callTwice();
 *   assert.equal(currentLoop().time(), 1_000);
 * }, { runs: 100 }));
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: where it cannot be inferred, as with Vitest, the runner's context is of whatever type `fn` says.
export function virtual<Context = any>(
  fn: (context: Context) => Returned<unknown>,
  options: VirtualTestOptions = {},
): (context: Context) => Promise<void> {
  check(options);
  const { runs = 1 } = options;
  if (!Number.isSafeInteger(runs) || runs < 1)
    throw new RangeError(`runs: expected a whole number from 1 on, got ${runs}`);
  const hostTimers = options.hostTimers === true;
  return inTheGuiseOf(fn, async (context) => {
    for (const seed of seedsOf(options, runs)) {
      const choices: VirtualRunOptions = seed === undefined ? { hostTimers } : { hostTimers, seed };
      try {
        await examine(fn, context, options, (body) => virtualRun(body, choices));
      } catch (error) {
        if (seed !== undefined) note(error, `[seed ${seed}: ${SEED_VARIABLE}=${seed} runs it again in the same order]`);
        throw error;
      }
    }
  });
}

/** The same in real time: a test that uses sockets, files, processes. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function real<Context = any>(
  fn: (context: Context) => Returned<unknown>,
  options: RealTestOptions = {},
): (context: Context) => Promise<void> {
  check(options);
  return inTheGuiseOf(fn, (context) => examine(fn, context, options, (body) => run(body, { name: "real run" })));
}

type Runner = (body: () => Promise<void>) => Promise<void>;

function examine<Context>(
  fn: (context: Context) => Returned<unknown>,
  context: Context,
  { timeoutMs = TIMEOUT_MS, leaks = {} }: RealTestOptions,
  runner: Runner,
): Promise<void> {
  if (isInsideRun()) {
    const what = "a wrapped test was called inside of a run: hand it to the test runner, or call the function itself";
    return Promise.reject(new InvalidStateError(what));
  }
  const body = async (): Promise<void> => {
    await settled(fn(context));
  };
  return withinTime(timeoutMs, (begun) => {
    const start = (inner: () => Promise<void>): Promise<void> =>
      runner(() => {
        begun(currentNode().root);
        return inner();
      });
    if (leaks === false) return start(body);
    const named = { name: "the test", ...leaks };
    // Inside of the run, for what belongs to the test's task; around it, for what shows at its end.
    return withLeakGuard(() => start(() => withLeakGuard(body, named)), named);
  });
}

/** The top of a run, which knows how to end what is stuck and to tell who waited where. */
interface RunRoot extends ScopeNode {
  stuck?(what: string): void;
}

function withinTime(timeoutMs: number, start: (begun: (root: RunRoot) => void) => Promise<void>): Promise<void> {
  return quietly(async () => {
    const loop = defaultLoop();
    const what = `the test took longer than ${timeoutMs} ms`;
    let root: RunRoot | undefined;
    let isLate = false;
    const cut = (): void => {
      isLate = true;
      root?.stuck?.(`${what}; when it was stopped`);
      timer = loop.callAt(loop.time() + CLEANUP_MS, cut);
    };
    let timer = timeoutMs === Infinity ? undefined : loop.callAt(loop.time() + timeoutMs, cut);
    try {
      await start((begun) => {
        root = begun;
      });
    } catch (error) {
      if (!isLate) throw error;
      const report = error instanceof DeadlockError ? error.message : what;
      throw withoutStack(new TimeoutError(report, { cause: error instanceof DeadlockError ? undefined : error }));
    } finally {
      timer?.cancel();
    }
    if (isLate) throw withoutStack(new TimeoutError(what));
  });
}

/** The frames of a timer are of no use to anybody. */
function withoutStack(error: Error): Error {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

function check({ timeoutMs }: RealTestOptions): void {
  const invalid = checkDuration("timeoutMs", timeoutMs ?? TIMEOUT_MS);
  if (invalid !== undefined) throw invalid;
}

/** The seeds to run a test with, one after the other; `undefined` for a run in the order of arrival. */
function seedsOf(options: VirtualTestOptions, runs: number): readonly (number | undefined)[] {
  const asked = process.env[SEED_VARIABLE];
  const isSingle = asked !== undefined && asked !== "random";
  if (isSingle && (asked.trim() === "" || !Number.isFinite(Number(asked)))) {
    throw new RangeError(`${SEED_VARIABLE}: expected a number or "random", got "${asked}"`);
  }
  if (isSingle) return [Number(asked)];
  const seed = asked ?? options.seed ?? (runs > 1 ? 0 : undefined);
  if (seed === undefined) return [undefined];
  const first = seed === "random" ? freshSeed() : Number(seed);
  return Array.from({ length: runs }, (_, index) => first + index);
}

/** Adds to what an error says, where it can be read whichever way the runner prints it. */
function note(error: unknown, addition: string): void {
  if (!(error instanceof Error)) return;
  const { message, stack } = error;
  try {
    error.message = `${message}\n${addition}`;
    // It repeats the message as it was when the error was made.
    if (stack !== undefined)
      error.stack = stack.includes(message) ? stack.replace(message, () => error.message) : `${stack}\n${addition}`;
  } catch {
    // A frozen error says what it says.
  }
}

/** Vitest reads from the source of a test function which fixtures it asks for. */
function inTheGuiseOf<Context>(
  fn: (context: Context) => unknown,
  wrapper: (context: Context) => Promise<void>,
): (context: Context) => Promise<void> {
  return Object.defineProperty(wrapper, "toString", { value: () => fn.toString(), configurable: true });
}
