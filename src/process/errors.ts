/** What goes wrong with subprocesses. */
import { identify } from "../kernel/errors.ts";
import type { ExitStatus, SignalName } from "../kernel/processes.ts";

/** A process could not be started. `cause` is the system's error, `systemCode` its code (`ENOENT` and kin). */
export class SpawnError extends Error {
  declare readonly code: "SPAWN";
  readonly systemCode: string;

  constructor(message: string, options: { cause: { readonly code: string } }) {
    super(message, options);
    this.systemCode = options.cause.code;
  }

  static {
    identify(SpawnError, "SpawnError", "SPAWN");
  }
}

/** What a `ProcessFailedError` tells of the process. */
export interface Failure extends ExitStatus {
  readonly command: readonly string[];
  readonly stdout: string | Uint8Array;
  readonly stderr: string | Uint8Array;
}

/** A process ended with a nonzero exit code, or by a signal. The message ends with the last of what it wrote to standard error. */
export class ProcessFailedError extends Error {
  declare readonly code: "PROCESS_FAILED";
  // Private, with getters: an error that is printed shows its own fields, and outputs may be long.
  readonly #failure: Failure;

  constructor(message: string, failure: Failure) {
    super(message);
    this.#failure = failure;
  }

  /** The file and its arguments; of a pipeline, those of the first command that failed. */
  get command(): readonly string[] {
    return this.#failure.command;
  }

  /** The exit code; `undefined` if a signal ended it. */
  get exitCode(): number | undefined {
    return this.#failure.code;
  }

  /** The signal that ended it. */
  get signal(): SignalName | undefined {
    return this.#failure.signal;
  }

  /** All of its standard output that was captured. */
  get stdout(): string | Uint8Array {
    return this.#failure.stdout;
  }

  /** All of its standard error that was captured. */
  get stderr(): string | Uint8Array {
    return this.#failure.stderr;
  }

  static {
    identify(ProcessFailedError, "ProcessFailedError", "PROCESS_FAILED");
  }
}

/** A process wrote more than `maxOutputBytes`, and was ended. */
export class OutputLimitError extends Error {
  declare readonly code: "OUTPUT_LIMIT";
  static {
    identify(OutputLimitError, "OutputLimitError", "OUTPUT_LIMIT");
  }
}
