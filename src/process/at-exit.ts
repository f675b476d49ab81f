/**
 * Children that still run when this process exits though no scope was left: `process.exit`, an error that nobody caught. They have groups of
 * their own and would go on; so they are sent SIGTERM. There is no time then to wait for their end, or to make sure of it.
 */
import process from "node:process";
import type { ChildTransport } from "../kernel/processes.ts";

const running = new Set<ChildTransport>();

export function endAtExit(child: ChildTransport): void {
  if (running.size === 0) process.on("exit", endAll);
  running.add(child);
}

export function forget(child: ChildTransport): void {
  if (running.delete(child) && running.size === 0) process.removeListener("exit", endAll);
}

function endAll(): void {
  for (const child of running) {
    try {
      child.killGroup("SIGTERM");
    } catch {
      // One that may not be sent signals must not keep the others from theirs.
    }
  }
}
