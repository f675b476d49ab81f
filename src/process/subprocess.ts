/**
 * A child as its users see it, and the choices for its standard streams.
 */
import type { ExitStatus, SignalName } from "../kernel/processes.ts";
import type { ReceiveStream, SendStream } from "../streams/byte-stream.ts";

/** What a child has as a standard stream: a pipe to this process, what this process has there, nothing (`/dev/null`), or a descriptor of this process. */
export type Stdio = "pipe" | "inherit" | "ignore" | number;

/** For standard error there is one more: wherever standard output goes. */
export type StderrStdio = Stdio | "stdout";

/** Where a child runs, and how it is ended. */
export interface LaunchOptions {
  /** Where it runs; by default where this process does. */
  readonly cwd?: string;
  /** Its whole environment, in place of that of this process: to add to that, `{ ...process.env, NAME: "value" }`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The command is one string, which `/bin/sh` runs, with all that this means for what is put into it. */
  readonly shell?: boolean;
  /** How long after SIGTERM what is left is sent SIGKILL, in milliseconds; by default 5,000. */
  readonly graceMs?: number;
}

/** How to open a process: its standard streams, by default pipes for input and output, and standard error inherited. */
export interface ProcessOptions<
  In extends Stdio = Stdio,
  Out extends Stdio = Stdio,
  Err extends StderrStdio = StderrStdio,
> extends LaunchOptions {
  readonly stdin?: In;
  readonly stdout?: Out;
  readonly stderr?: Err;
}

type IfPiped<S, Stream> = S extends "pipe" ? Stream : undefined;

/** A child process: its streams, its end, and how to end it. It leads a process group, which ends with it. */
export interface Subprocess<In extends Stdio = Stdio, Out extends Stdio = Stdio, Err extends StderrStdio = StderrStdio>
  extends AsyncDisposable {
  readonly pid: number;
  /** The file and its arguments. */
  readonly command: readonly string[];
  /** What it reads. Closing it is its end-of-file; if it stopped reading, `send` throws `BrokenError`. */
  readonly stdin: IfPiped<In, SendStream>;
  /**
   * What it writes. End-of-file comes when everybody who holds the other end has closed it, which may be after the child's end. If this end is closed
   * first, the child's writes fail (SIGPIPE, EPIPE or ECONNRESET).
   */
  readonly stdout: IfPiped<Out, ReceiveStream>;
  readonly stderr: IfPiped<Err, ReceiveStream>;
  /** How it ended; `undefined` while it runs. */
  readonly status: ExitStatus | undefined;
  /** Waits for its end, and says how it ended; bytes that it wrote may still be there to be received. Always a checkpoint; cancelled, the child goes on. */
  wait(): Promise<ExitStatus>;
  /** Sends a signal to the child and all others in its group, by default SIGKILL. False if nobody is left. Never waits. */
  kill(signal?: SignalName): boolean;
  /** Asks the child and all others in its group to end: `kill("SIGTERM")`. */
  terminate(): boolean;
  /** Sends a signal to the child alone. False if it has ended. */
  signal(signal: SignalName): boolean;
  /**
   * Ends the child and what else is in its group: SIGTERM, after `graceMs` SIGKILL, and then the pipes are closed; what the child writes meanwhile is
   * thrown away. Settles when the child is reaped. Cancelled, it does all that and then throws. Idempotent.
   */
  close(): Promise<void>;
}
