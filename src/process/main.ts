/**
 * A program's outermost function: signals become a stop, the outcome becomes the exit code.
 *
 *   running --SIGINT or SIGTERM--> stopping (grace) --the same again, or grace over--> cancelled
 *   A third signal finds no handler any more, and the system ends the process.
 *   A task that waits to be told to end (`whenStopping`, `sleepForever`) holds the process open: a signal can wake it.
 *
 *   how it ended                                   exit code
 *   returned, also after a stop                    0 (or `process.exitCode`, if the program set it)
 *   cut off by a signal (second, or grace over)    130 for SIGINT, 143 for SIGTERM
 *   threw                                          1, and the error with its stack on standard error
 */
import process from "node:process";
import { inspect } from "node:util";
import { callBody, type Returned } from "../kernel/body.ts";
import { hasPatientWait } from "../kernel/deadlock.ts";
import type { Loop, Timer } from "../kernel/ports.ts";
import type { SignalName } from "../kernel/processes.ts";
import { run } from "../kernel/run.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { cancelScope } from "../kernel/scopes.ts";
import { isHeardByOthers, takeSignal } from "./signal-desk.ts";

/** How long a program has for an orderly end. */
export interface MainOptions {
  /** How long the first signal leaves for an orderly end, in milliseconds; by default 10 s. */
  readonly graceMs?: number;
  /** The event loop; by default Node's. */
  readonly loop?: Loop;
}

const GRACE_MS = 10_000;
const HOLD_MS = 1_000;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/**
 * Runs `fn` as a program. The first SIGINT or SIGTERM asks for a stop (`currentScope().isStopping` is true everywhere
 * inside, servers stop accepting) and cancels everything after `graceMs`; the second cancels at once. Sets the exit code; never rejects.
 *
 * @example
 * ```ts
 * await main(async () => {
 *   const listener = await listen({ port: 8000 });
 *   await serveRpc(listener, { ping: () => "pong" });
 * });
 * ```
 */
export async function main(fn: () => Returned<unknown>, options: MainOptions = {}): Promise<void> {
  let first: StopSignal | undefined;
  let hasReturned = false;
  try {
    await run(
      () =>
        cancelScope(
          async (program) => {
            const release = onStopSignals((signal) => {
              if (first === undefined) program.stop({ graceMs: options.graceMs ?? GRACE_MS, reason: signal });
              else {
                release();
                program.cancel(signal);
              }
              first ??= signal;
            });
            const letGo = holdProcess(currentNode());
            try {
              await callBody(fn, undefined);
              hasReturned = true;
            } finally {
              letGo();
              release();
            }
          },
          { name: "main" },
        ),
      { name: "main", ...(options.loop && { loop: options.loop }) },
    );
    // Foreign handles may still hold the process, which was told to end.
    if (!hasReturned && first !== undefined) process.exit(EXIT_CODES[first]);
  } catch (error) {
    process.stderr.write(`${inspect(error)}\n`);
    process.exitCode = 1;
  }
}

/**
 * A program that only waits to be told to stop is not over, though no timer and no socket of its own says so. Holds when
 * the process is about to end, and no sooner: others are told of that moment as ever (`beforeExit`). Handlers of the program's own for
 * other signals may wake anything.
 */
function holdProcess(program: ScopeNode): () => void {
  let timer: Timer | undefined;
  const hold = (): void => {
    if (!hasPatientWait(program) && !hasOtherSignalHandlers()) return;
    // Looked at again: when the wait is over, the rest of the program may be stuck.
    timer = program.loop.callAt(program.loop.time() + HOLD_MS, hold);
  };
  // Ahead of the loop, which takes what has nothing to wait for as stuck.
  process.prependListener("beforeExit", hold);
  return () => {
    process.removeListener("beforeExit", hold);
    timer?.cancel();
  };
}

/** Waits of ours for a signal are patient; what the listeners of others would do, nobody knows. */
function hasOtherSignalHandlers(): boolean {
  return process
    .eventNames()
    .some((name) => typeof name === "string" && name.startsWith("SIG") && isHeardByOthers(name as SignalName));
}

function onStopSignals(handle: (signal: StopSignal) => void): () => void {
  const releases = (Object.keys(EXIT_CODES) as StopSignal[]).map((signal) => takeSignal(signal, () => handle(signal)));
  return () => {
    for (const release of releases) release();
  };
}
