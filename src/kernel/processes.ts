/**
 * The process port: what a loop offers for subprocesses, at the level of callbacks. After asyncio's, with a protocol for each pipe.
 *
 * A child that was started tells its end exactly once, whatever its pipes do: the end of a child is not the end-of-file of a pipe, which
 * a grandchild may hold, and bytes may still come after it. The protocols of pipes hear what those of connections hear.
 */
import type { Protocol } from "./network.ts";

/** The name of a signal, as the system spells it: `SIGTERM`. */
export type SignalName = `SIG${string}`;

/** How a process ended: with an exit code, or by a signal; the other one is `undefined`. */
export interface ExitStatus {
  readonly code: number | undefined;
  readonly signal: SignalName | undefined;
}

/** What a child has at one of its descriptors: nothing, a descriptor of this process, or a pipe whose other end is a transport. */
export type ChildDescriptor = "ignore" | number | { readonly pipe: Protocol };

/** What to start, and what it has. */
export interface ChildOptions {
  /** A path, or a name that is looked for in `PATH`. */
  readonly file: string;
  readonly args: readonly string[];
  /** Where it runs; by default where this process does. */
  readonly cwd?: string | undefined;
  /** Its whole environment; by default that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** What it has at its descriptors, from 0. */
  readonly descriptors: readonly ChildDescriptor[];
}

/** A child that runs, or ran. It leads a process group, and a session, of its own. */
export interface ChildTransport {
  readonly pid: number;
  /** Sends a signal to the child alone. False if it has ended. */
  kill(signal: SignalName): boolean;
  /** Sends a signal to all of the child's group, also when the child itself has ended. False if nobody is left in it. */
  killGroup(signal: SignalName): boolean;
  /** Whether somebody of its group still runs. */
  isGroupAlive(): boolean;
}

/** What a loop offers for subprocesses. Errors are the system's, with a `code` (`ENOENT` and kin). */
export interface Processes {
  /**
   * Starts a child; the protocols of its pipes hear `connectionMade` at once, and nothing else before the promise has settled. If the child cannot be
   * started it rejects, and they hear nothing.
   */
  spawn(options: ChildOptions, exited: (status: ExitStatus) => void): Promise<ChildTransport>;
}
