/** The terminal example: on a pipe, and on a terminal. */
import assert from "node:assert/strict";
import test from "node:test";
import { startFile } from "../support/program.ts";
import { COOKED, Terminal } from "../support/terminal.ts";
import { lacking } from "../support/tools.ts";

const READER = "examples/terminal/reader.ts";

test("what comes through a pipe is carried out, and what is still waiting at its end is waited for", async () => {
  await using program = startFile(READER, [], { stdio: ["pipe", "pipe", "pipe"] });
  program.child.stdin?.end(
    "after 0.1 done\nlist\nafter 60 never\ncancel 2\ncancel 7\nwait 0.01\neval list; nonsense\n",
  );
  const end = await program.ended;
  assert.deepEqual([end.code, end.stderr], [0, ""]);
  assert.deepEqual(end.stdout.split("\n"), [
    "1: in 0.1 s",
    "1: done",
    "2: in 60 s",
    "nothing is waiting as number 7",
    "1: done",
    "no command is called nonsense: there are after, list, cancel, wait, eval, quit",
    "done",
    "",
  ]);
});

test("quit ends it, whatever is still waiting", async () => {
  await using program = startFile(READER, [], { stdio: ["pipe", "pipe", "pipe"] });
  program.child.stdin?.write("after 60 never\nquit\n");
  assert.deepEqual((await program.ended).code, 0);
});

test("on a terminal it asks for each line, and prints in between", { skip: lacking("python3") }, async () => {
  await using terminal = new Terminal(READER, []);
  await terminal.shows(/> /);
  terminal.type("after 0.05 ding\n");
  await terminal.shows(/1: in 0\.05 s/);
  await terminal.shows(/> ding\r\n/);
  terminal.type("after 60 never\n");
  await terminal.shows(/2: in 60 s/);
  // Ctrl-C.
  terminal.type("\x03");
  const { code, modes } = await terminal.ended();
  assert.deepEqual([code, modes], [0, COOKED]);
});
