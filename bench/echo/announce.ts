/**
 * What every echo server tells the benchmark, a line each on its standard output: first the port. Servers in Python do the same.
 * Those of Node.js also say how many bytes their heap has in use, whenever a signal asks for it.
 */

import { heapBytes } from "../heap.ts";

export function announce(address: unknown): void {
  if (typeof address !== "object" || address === null || !("port" in address)) throw new TypeError("no address");
  process.on("SIGUSR2", async () => process.stdout.write(`${await heapBytes()}\n`));
  process.stdout.write(`${address.port}\n`);
}
