/**
 * A temporary directory as a context manager, first way: a class with a method for the end.
 *
 *   npm run example -- journey/01-directory-class
 *
 * `using` calls `[Symbol.dispose]` when its block is left, by whichever door: the end, a return, an error. What was set up
 * is taken down in one place, and nobody can forget to.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

class TemporaryDirectory implements Disposable {
  readonly path: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), "journey-"));
    console.log("  made a directory");
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
    console.log("  removed it");
  }
}

let path: string;

console.log("a block that ends:");
{
  using directory = new TemporaryDirectory();
  path = directory.path;
  writeFileSync(join(path, "map.txt"), "here be dragons");
  console.log(`  it holds ${readdirSync(path).join()}`);
}
assert.ok(!existsSync(path));

console.log("a block that throws:");
const error = new RangeError("off the map");
assert.throws(() => {
  using directory = new TemporaryDirectory();
  path = directory.path;
  throw error;
}, error);
assert.ok(!existsSync(path));
