/** What every server of the RPC benchmark tells its parent: where it listens, and what it has used. */

export interface Usage {
  /** User and system time of the whole process so far, all its threads. */
  readonly cpuMs: number;
  readonly atMs: number;
}

/** Tells the parent the port, answers each of its messages with the CPU time used, and ends when it is gone. */
export function announce(port: number): void {
  if (process.send === undefined) throw new Error("start this server through bench/main.ts: it reports over IPC");
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1_000, atMs: performance.now() } satisfies Usage);
  });
  process.on("disconnect", () => process.exit());
  process.send({ port });
}
