/** Small programs in a process of their own, for what would end or hold the process of the tests. */
import { spawn } from "node:child_process";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `source`, an ES module, and waits for its end; one that goes on for `timeoutMs` is killed. */
export function runProgram(source: string, timeoutMs = 5_000): Promise<Ended> {
  const child = spawn(
    process.execPath,
    [...withoutTestFlags(process.execArgv), "--input-type=module", "--eval", source],
    {
      cwd: new URL("../..", import.meta.url),
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
    },
  );
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

function withoutTestFlags(flags: readonly string[]): string[] {
  return flags.filter((flag) => !flag.startsWith("--test"));
}
