/**
 * Who gets a signal: of those here that want it, the one who came last, alone. However many they are, the process has one listener for it, and none once the
 * last one has left; so the system's own action is in force again. Listeners that others have added to the process are neither asked nor
 * touched: they are told of each signal, too.
 */
import { constants } from "node:os";
import process from "node:process";
import { describe } from "../kernel/check-function.ts";
import type { SignalName } from "../kernel/processes.ts";

/** What to do with a signal. */
export type SignalHandler = (signal: SignalName) => void;

const takers = new Map<SignalName, SignalHandler[]>();

/**
 * Gives `handle` the signal from now on. With `isFallback`, only as long as nobody else here wants it. The result takes that back.
 *
 * @throws TypeError if there is no such signal, or nobody can take it.
 */
export function takeSignal(
  signal: SignalName,
  handle: SignalHandler,
  options: { readonly isFallback?: boolean } = {},
): () => void {
  checkSignalName(signal);
  // One object for each time that it is taken, though by the same handler.
  const taker: SignalHandler = (name) => handle(name);
  const waiting = takers.get(signal);
  if (waiting === undefined) {
    takers.set(signal, [taker]);
    process.on(signal as NodeJS.Signals, deliver);
  } else if (options.isFallback === true) waiting.unshift(taker);
  else waiting.push(taker);
  return () => leave(signal, taker);
}

/**
 * Does with a signal that came what would have been done, had those not been there who have left: the next one here gets it, or the system acts. Where
 * others listen, they have heard of it already.
 */
export function raiseAgain(signal: SignalName): void {
  const next = takers.get(signal)?.at(-1);
  if (next !== undefined) next(signal);
  else if (!isHeardByOthers(signal)) process.kill(process.pid, signal);
}

/** Whether somebody else has added a listener for it to the process. */
export function isHeardByOthers(signal: SignalName): boolean {
  return process.listenerCount(signal) > (takers.has(signal) ? 1 : 0);
}

/** @throws TypeError if there is no such signal, or nobody can take it. */
export function checkSignalName(signal: SignalName): void {
  if (!Object.hasOwn(constants.signals, signal)) {
    throw new TypeError(`expected the name of a signal of this system, such as "SIGHUP", got ${describe(signal)}`);
  }
  if (signal === "SIGKILL" || signal === "SIGSTOP") {
    throw new TypeError(`${signal} cannot be taken: the system lets no process do that`);
  }
}

function deliver(signal: NodeJS.Signals): void {
  takers.get(signal)?.at(-1)?.(signal);
}

function leave(signal: SignalName, taker: SignalHandler): void {
  const waiting = takers.get(signal);
  const index = waiting?.indexOf(taker) ?? -1;
  if (waiting === undefined || index === -1) return;
  waiting.splice(index, 1);
  if (waiting.length > 0) return;
  takers.delete(signal);
  process.removeListener(signal, deliver);
}
