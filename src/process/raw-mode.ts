/**
 * A terminal that gives each key as it is pressed, and shows nothing by itself; and gives it back.
 *
 *   how the process or the scope ends                     who gives the terminal back
 *   the body returns, throws, is cancelled                the scope
 *   `process.exit`, an error that nobody caught           a listener of "exit"
 *   a signal whose action is to end the process           a taker of last resort, who then lets the system act
 *   SIGTSTP (stopped, and later continued)                the same, and takes it again at SIGCONT
 *   SIGKILL                                               nobody can: `stty sane`
 *
 * In raw mode Ctrl-C, Ctrl-Z and Ctrl-D are bytes like others (3, 26, 4): what they mean is for the program to say.
 */
import process from "node:process";
import type { ReadStream } from "node:tty";
import { callBody, type Returned } from "../kernel/body.ts";
import type { SignalName } from "../kernel/processes.ts";
import { quietly } from "../kernel/quiet.ts";
import { isHeardByOthers, raiseAgain, takeSignal } from "./signal-desk.ts";

const ENDING_SIGNALS: readonly SignalName[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** How many scopes are open; the terminal is raw for the first, and given back for the last. */
let depth = 0;
let giveBack: () => void = () => {};

/**
 * Calls `body` with the terminal of standard input in raw mode, and gives the terminal back as it was when the body has ended, in whatever
 * way; also if the process ends by `process.exit`, an uncaught error, or a signal. Gives what the body gives. Where standard input is no
 * terminal, it calls `body`, and that is all: what was piped in comes as it is.
 *
 * In raw mode Ctrl-C is the byte 3, and no signal. No checkpoint of its own.
 *
 * @example
 * ```ts
 * await withRawMode(async () => {
 *   for await (const keys of stdin) if (keys.includes(3)) return;
 * });
 * ```
 */
export function withRawMode<T>(body: () => Returned<T>): Promise<T> {
  return quietly(async () => {
    if (!process.stdin.isTTY) return callBody(body, undefined);
    if (depth++ === 0) giveBack = takeTerminal();
    try {
      return await callBody(body, undefined);
    } finally {
      if (--depth === 0) giveBack();
    }
  });
}

function takeTerminal(): () => void {
  const { stdin } = process;
  const wasRaw = stdin.isRaw;
  const restore = (): void => setMode(stdin, wasRaw);
  const end = (signal: SignalName): void => {
    restore();
    if (isHeardByOthers(signal)) return;
    release();
    raiseAgain(signal);
  };
  const pause = (signal: SignalName): void => {
    if (isHeardByOthers(signal)) return;
    restore();
    process.kill(process.pid, "SIGSTOP");
  };
  const resume = (): void => {
    // Whoever had the terminal meanwhile has changed it, which Node does not know.
    restore();
    setMode(stdin, true);
  };
  const isFallback = true;
  const releases = [
    ...ENDING_SIGNALS.map((signal) => takeSignal(signal, end, { isFallback })),
    takeSignal("SIGTSTP", pause, { isFallback }),
    takeSignal("SIGCONT", resume, { isFallback }),
  ];
  const release = (): void => {
    for (const leave of releases) leave();
    process.removeListener("exit", restore);
  };
  process.on("exit", restore);
  setMode(stdin, true);
  return () => {
    release();
    restore();
  };
}

/** Of a terminal that has gone away Node tells by an error event, which would be one more that nobody caught: whoever reads hears of that end. */
function setMode(terminal: ReadStream, isRaw: boolean): void {
  const ignore = (): void => {};
  terminal.on("error", ignore);
  terminal.setRawMode(isRaw);
  terminal.off("error", ignore);
}
