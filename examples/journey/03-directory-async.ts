/**
 * A temporary directory as a context manager, third way: one that waits for the disk, as a class and as a generator.
 *
 *   npm run example -- journey/03-directory-async
 *
 * `await using` waits for the end, so the block is left when the directory is gone, and others run meanwhile. The disk is a
 * real one: this program runs on the real clock.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contextManager, run } from "coppice";

class TemporaryDirectory implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** A constructor cannot wait. */
  static async make(): Promise<TemporaryDirectory> {
    const path = await mkdtemp(join(tmpdir(), "journey-"));
    console.log("  made a directory");
    return new TemporaryDirectory(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
    console.log("  removed it");
  }
}

const temporaryDirectory = contextManager(async function* () {
  const path = await mkdtemp(join(tmpdir(), "journey-"));
  console.log("  made a directory");
  try {
    yield path;
  } finally {
    await rm(path, { recursive: true });
    console.log("  removed it");
  }
});

async function use(path: string): Promise<string> {
  await writeFile(join(path, "map.txt"), "here be dragons");
  console.log(`  it holds ${(await readdir(path)).join()}`);
  return path;
}

async function useClass(): Promise<string> {
  await using directory = await TemporaryDirectory.make();
  return await use(directory.path);
}

async function useGenerator(): Promise<string> {
  await using directory = await temporaryDirectory();
  return await use(directory.value);
}

await run(async () => {
  console.log("the class:");
  assert.ok(!existsSync(await useClass()));
  console.log("the generator:");
  assert.ok(!existsSync(await useGenerator()));
});
