/** Looking after child processes: that none is left behind, not even one that has ended and that nobody has looked at. */
import { readdirSync, readFileSync } from "node:fs";
import type { ReceiveStream } from "coppice/net";
import { openProcess, type Subprocess } from "coppice/process";
import { eventually, really } from "./real.ts";

interface Listed {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
}

function listed(pid: string): Listed | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state = "", parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { pid: Number(pid), state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/** The children of this process, zombies included. */
export function children(): Listed[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(listed)
    .filter((found) => found?.parent === process.pid) as Listed[];
}

/** Whether a process runs; one that has ended and was not reaped by its parent does not. */
export function isRunning(pid: number): boolean {
  const found = listed(String(pid));
  return found !== undefined && found.state !== "Z" && found.state !== "X";
}

/** As `really`; what `fn` started must be gone as soon as it settles, and reaped. */
export async function withoutChildren<T>(fn: () => T | PromiseLike<T>): Promise<T> {
  return really(async () => {
    const value = await fn();
    const left = children();
    if (left.length > 0) throw new Error(`children were left behind: ${JSON.stringify(left)}`);
    return value;
  });
}

/** Waits until a process is gone. For those that are no children of ours. */
export async function gone(pid: number): Promise<void> {
  await eventually(
    () => !isRunning(pid),
    () => `process ${pid} still runs`,
  );
}

/** A line of the shell as a child with pipes; what the shell says of signals goes nowhere. */
export function shell(line: string, graceMs = 5_000): Promise<Subprocess<"pipe", "pipe", "ignore">> {
  return openProcess(line, { shell: true, graceMs, stderr: "ignore" });
}

/** Everything up to end-of-file. */
export async function readAll(stream: ReceiveStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The next line, without its end. */
export async function readLine(stream: ReceiveStream): Promise<string> {
  const bytes: number[] = [];
  for (;;) {
    const byte = (await stream.receive(1))?.[0];
    if (byte === undefined || byte === 0x0a) return String(Buffer.from(bytes));
    bytes.push(byte);
  }
}
