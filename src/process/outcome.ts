/** What is said of a process that failed. */
import type { ExitStatus } from "../kernel/processes.ts";
import { printedCommand } from "./command.ts";
import { ProcessFailedError } from "./errors.ts";
import type { Executed } from "./execute.ts";

/** How much of standard error a message shows. */
const MAX_TAIL = 2_000;

export function hasFailed({ code }: ExitStatus): boolean {
  return code !== 0;
}

export function failureOf(command: readonly string[], status: ExitStatus, executed: Executed): ProcessFailedError {
  const { stdout, stderr } = executed;
  const how = status.signal === undefined ? `ended with exit code ${status.code}` : `was ended by ${status.signal}`;
  const said = tailOf(stderr);
  const message = `${printedCommand(command)} ${how}${said === "" ? "" : `: ${said}`}`;
  return new ProcessFailedError(message, { ...status, command, stdout, stderr });
}

function tailOf(stderr: string | Uint8Array): string {
  const text = (typeof stderr === "string" ? stderr : Buffer.from(stderr).toString("utf8")).trim();
  return text.length <= MAX_TAIL ? text : `...${text.slice(-MAX_TAIL)}`;
}
