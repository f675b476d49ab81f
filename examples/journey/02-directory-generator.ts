/**
 * A temporary directory as a context manager, second way: a generator, with the block in the place of its `yield`.
 *
 *   npm run example -- journey/02-directory-generator
 *
 * The class of the first way had a beginning, an end, and a field to carry something from one to the other. Here they are
 * one function, read from top to bottom, and a local variable does the carrying. `using` only says that the block was left;
 * `use` calls a function, and throws its error in at the `yield`.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contextManager } from "coppice";

const temporaryDirectory = contextManager(function* () {
  const path = mkdtempSync(join(tmpdir(), "journey-"));
  console.log("  made a directory");
  try {
    yield path;
  } catch (error) {
    console.log(`  something went wrong: ${(error as Error).message}`);
    throw error;
  } finally {
    rmSync(path, { recursive: true });
    console.log("  removed it");
  }
});

let path: string;

console.log("a block that ends:");
{
  using directory = temporaryDirectory();
  path = directory.value;
  writeFileSync(join(path, "map.txt"), "here be dragons");
  console.log(`  it holds ${readdirSync(path).join()}`);
}
assert.ok(!existsSync(path));

console.log("a block that throws:");
const error = new RangeError("off the map");
assert.throws(() => {
  using directory = temporaryDirectory();
  path = directory.value;
  throw error;
}, error);
assert.ok(!existsSync(path));

console.log("a function that throws:");
function fail(itsPath: string): never {
  path = itsPath;
  throw error;
}
assert.throws(() => temporaryDirectory.use(fail), error);
assert.ok(!existsSync(path));
