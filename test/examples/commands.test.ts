/** The commands that the terminal and the music example read. */
import assert from "node:assert/strict";
import test from "node:test";
import { moveOnAfter, sleep } from "coppice";
import { frequencyOf } from "../../examples/music/notes.ts";
import { type Command, obey } from "../../examples/terminal/commands.ts";
import { virtually } from "../support/virtual.ts";

async function obeyAll(lines: readonly string[], commands: Record<string, Command>): Promise<[boolean, string[]]> {
  const problems: string[] = [];
  async function* read(): AsyncGenerator<string> {
    yield* lines;
  }
  const hasQuit = await obey(read(), commands, (problem) => problems.push(problem));
  return [hasQuit, problems];
}

test("commands are carried out in order, those of an eval as well; quit ends, and the rest is not read", async () => {
  const seen: string[] = [];
  const say: Command = (args) => seen.push(args.join("+"));
  const lines = ["say a b", "", "# say nothing", "  say   c ", "eval say d; say e;; eval say f", "quit", "say g"];
  assert.deepEqual(await obeyAll(lines, { say }), [true, []]);
  assert.deepEqual(seen, ["a+b", "c", "d", "e", "f"]);
});

test("a command waits for the one before", () =>
  virtually(async () => {
    const seen: string[] = [];
    const nap: Command = async ([name = ""]) => {
      await sleep(100);
      seen.push(name);
    };
    assert.deepEqual(await obeyAll(["nap 1", "eval nap 2; quit; nap 3"], { nap }), [true, []]);
    assert.deepEqual(seen, ["1", "2"]);
  }));

test("what is wrong with a command is said, and the next one is read; other failures are not hidden", async () => {
  const commands: Record<string, Command> = {
    note: ([name = ""]) => frequencyOf(name),
    fail: () => {
      throw new TypeError("a bug");
    },
  };
  const [hasQuit, problems] = await obeyAll(["tone A4", "note X9", "toString"], commands);
  assert.equal(hasQuit, false);
  assert.match(
    problems.join("\n"),
    /^no command is called tone: there are note, fail, eval, quit\nno note.*"X9".*\nno command is called toString/,
  );
  await assert.rejects(obeyAll(["fail"], commands), /a bug/);
});

test("a cancelled command is not taken for a wrong one", () =>
  virtually(async () => {
    const outcome = await moveOnAfter(50, () => obeyAll(["nap"], { nap: () => sleep(100) }));
    assert.equal(outcome, undefined);
  }));
