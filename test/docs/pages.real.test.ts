/** The programs of the pages about networking, event loops and processes compile, run, and print what the pages say. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { PageFolder, programsOf } from "../support/pages.ts";

const pages = ["networking", "event-loops", "processes"];
const programs = pages.flatMap((page) => programsOf(page));
const folder = new PageFolder(programs);
after(() => folder[Symbol.dispose]());

describe("the programs of the pages", { concurrency: 3 }, () => {
  test("all pass the type checker", async () => {
    assert.equal(await folder.compile(), "");
  });

  for (const program of programs) {
    const { file, code, isDebug, output } = program;
    const opening = code.split("\n").find((line) => line !== "" && !line.startsWith("import "));
    test(`${file} prints what its page says: ${opening}`, async () => {
      const { stdout, stderr, code: exitCode } = await folder.run(program);
      const printed = isDebug ? stderr : stdout;
      if (output !== undefined) assert.equal(folder.normalized(printed), folder.normalized(output));
      if (!isDebug) assert.equal(stderr, "");
      assert.equal(exitCode, 0);
    });
  }
});
