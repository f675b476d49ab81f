/** What users extend to serve a child process, and the transport that it is given. After asyncio's `SubprocessProtocol`; see `stream-protocol.ts`. */
import type { ExitStatus, SignalName } from "../kernel/processes.ts";
import type { StreamTransport } from "./stream-protocol.ts";

/** A child process, as a `SubprocessProtocol` is given it. */
export interface SubprocessTransport {
  readonly pid: number;
  /** How it ended; `undefined` while it runs. */
  readonly exitStatus: ExitStatus | undefined;
  /** The transport of the pipe at `fd` (0, 1 or 2), or `undefined` if there is none. */
  getPipeTransport(fd: number): StreamTransport | undefined;
  /** Sends a signal to the child. False if it has ended. */
  sendSignal(signal: SignalName): boolean;
  /** Asks it to end: SIGTERM. */
  terminate(): boolean;
  /** Ends it: SIGKILL. */
  kill(): boolean;
  /** Kills it if it still runs, and closes its pipes. */
  close(): void;
}

/**
 * A child process: made once; then what comes from its pipes, the end of each pipe and its exit, in any order (a grandchild may hold a pipe
 * for longer); and lost once, after all of these.
 */
export class SubprocessProtocol {
  connectionMade(_transport: SubprocessTransport): void {}

  /** The child wrote to its descriptor `fd` (1: standard output, 2: standard error). */
  pipeDataReceived(_fd: number, _bytes: Uint8Array): void {}

  /** The pipe at `fd` has ended; `error` is what broke it. */
  pipeConnectionLost(_fd: number, _error: Error | undefined): void {}

  /** The child has ended: `transport.exitStatus` says how. */
  processExited(): void {}

  connectionLost(_error: Error | undefined): void {}

  /** More waits to be sent to standard input than the high mark allows. */
  pauseWriting(): void {}

  resumeWriting(): void {}
}
