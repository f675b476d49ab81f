/**
 * The part of the gate that runs no test: every step below is an npm script of its own.
 *
 * All steps run even when one fails, so that one run shows everything there is to mend. Formatting comes first because
 * the layer check reads formatted sources, and the build before the checks of what it produced.
 */

import { spawnSync } from "node:child_process";

const steps = ["lint", "layers", "types", "build", "package", "unused", "size"];

const failed = steps.filter((step) => {
  process.stdout.write(`\n== npm run ${step}\n`);
  const { status, error } = spawnSync(process.execPath, ["--run", step], { stdio: "inherit" });
  if (error !== undefined) throw error;
  return status !== 0;
});

process.stdout.write(
  failed.length === 0 ? `\nAll of ${steps.join(", ")} passed.\n` : `\nFailed: npm run ${failed.join(", npm run ")}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
