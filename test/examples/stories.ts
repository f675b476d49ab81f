/** Tests of the teaching programs: each tells the same story on every run, to the letter. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { ROOT, startFile } from "../support/program.ts";

/**
 * Checks every program of a folder of `examples/`: that it prints its story and nothing else, ends with 0, and can be found.
 * A story is written indented between two line breaks, for the eye; what all its lines have in common is taken off.
 */
export function checkStories(folder: string, stories: Readonly<Record<string, string>>): void {
  const names = Object.keys(stories);

  test(`${folder}: there are these programs and no others`, () => {
    const files = readdirSync(join(ROOT, "examples", folder));
    assert.deepEqual(
      files.sort(),
      names.map((name) => `${name}.ts`),
    );
  });

  test(`${folder}: each program says how to run it, and the README lists it`, () => {
    const readme = readFileSync(join(ROOT, "examples/README.md"), "utf8");
    for (const name of names) {
      const source = readFileSync(join(ROOT, "examples", folder, `${name}.ts`), "utf8");
      const [header = ""] = /^\/\*\*\n(?: \*.*\n)+/.exec(source) ?? [];
      assert.match(header, new RegExp(`^ \\*   npm run example -- ${folder}/${name}( |$)`, "m"));
      assert.ok(readme.includes(`| [${name}](${folder}/${name}.ts) |`), name);
    }
  });

  for (const name of names) {
    test(`${folder}/${name} tells its story`, async () => {
      await checkStory(folder, name, stories[name]!);
    });
  }
}

/** Runs one program, with `args`. */
export async function checkStory(folder: string, name: string, story: string, args: string[] = []): Promise<void> {
  const end = await startFile(`examples/${folder}/${name}.ts`, args).ended;
  assert.deepEqual(end, { code: 0, signal: null, stdout: unindented(story), stderr: "" });
}

function unindented(story: string): string {
  const lines = story.split("\n").slice(1, -1);
  const margin = Math.min(...lines.map((line) => line.search(/\S/)));
  return lines.map((line) => `${line.slice(margin)}\n`).join("");
}
