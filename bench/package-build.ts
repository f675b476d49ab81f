/**
 * Builds the package, for benchmarks whose servers run it as users do. From the sources, Node.js would first take the types out of some
 * hundred files; the memory that this takes moves the limits of the garbage collector for the rest of the process.
 */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

let isBuilt = false;

/** Once a run. */
export function buildPackage(): void {
  if (isBuilt) return;
  execFileSync(process.execPath, ["--run", "build"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["ignore", "ignore", "inherit"],
  });
  isBuilt = true;
}
