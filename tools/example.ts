/**
 * Runs an example by its name: `npm run example -- evolution/c006-streams/server --port 8000`.
 */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [name = ""] = process.argv.slice(2);
const file = join(resolve(import.meta.dirname, "..", "examples"), `${name.replace(/\.ts$/, "")}.ts`);

if (existsSync(file)) {
  // The example finds the arguments that come after its name where it would if it had been started directly.
  process.argv.splice(1, 2, file);
  await import(pathToFileURL(file).href);
} else {
  process.stderr.write(`no example ${JSON.stringify(name)}: examples/README.md names them all\n`);
  process.exitCode = 2;
}
