/** A terminal: lines, keys, and that it is given back on every way out. */
import assert from "node:assert/strict";
import test from "node:test";
import { COOKED, RAW, Terminal } from "../support/terminal.ts";

const start = (name: string): Terminal => new Terminal("test/process/terminal-program.ts", [name]);

test("lines come as they are typed, until Ctrl-D", async () => {
  await using terminal = start("lines");
  await terminal.shows(/ready/);
  terminal.type("one\n");
  await terminal.shows(/<one>/);
  terminal.type("grün\nthree\n\n");
  await terminal.shows(/<grün>\r\n<three>\r\n<>/);
  terminal.type("\x04");
  assert.deepEqual(await terminal.ended(), { code: 0, signal: undefined, modes: COOKED });
  assert.match(terminal.output, /over/);
});

test("Ctrl-C while lines are waited for is a stop of main", async () => {
  await using terminal = start("lines");
  await terminal.shows(/ready/);
  terminal.type("\x03");
  assert.equal((await terminal.ended()).code, 130);
});

test("in raw mode each key comes as it is pressed, unseen, and Ctrl-C is one of them; then lines come again", async () => {
  await using terminal = start("keys");
  await terminal.shows(/raw/);
  assert.deepEqual(await terminal.modes(), RAW);
  terminal.type("a\r");
  terminal.type("\x1b[A\x04\x1a\x03");
  await terminal.shows(/keys 97 13 27 91 65 4 26 3\r\ncooked/);
  assert.deepEqual(await terminal.modes(), COOKED);
  terminal.type("line\n");
  await terminal.shows(/<line>/);
  // Nobody reads any more, so the process ends, though the terminal is there.
  assert.deepEqual(await terminal.ended(), { code: 0, signal: undefined, modes: COOKED });
});

test("the terminal is given back when the body throws", async () => {
  await using terminal = start("throws");
  assert.deepEqual(await terminal.ended(), { code: 1, signal: undefined, modes: COOKED });
  assert.match(terminal.output, /raw[\s\S]*boom/);
});

test("the terminal is given back when the body is cancelled", async () => {
  await using terminal = start("is cancelled");
  await terminal.shows(/raw/);
  assert.deepEqual(await terminal.modes(), RAW);
  terminal.type("x");
  assert.deepEqual(await terminal.ended(), { code: 0, signal: undefined, modes: COOKED });
});

test("a scope inside another does not give back what the outer one holds", async () => {
  await using terminal = start("is nested");
  await terminal.shows(/inner[\s\S]*raw/);
  assert.deepEqual(await terminal.modes(), RAW);
  terminal.signal("SIGTERM");
  terminal.signal("SIGINT");
  const { modes } = await terminal.ended();
  assert.deepEqual(modes, COOKED);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`the terminal is given back when main is ended by ${signal}`, async () => {
    await using terminal = start("waits in main");
    await terminal.shows(/raw/);
    terminal.signal(signal);
    assert.deepEqual(await terminal.ended(), {
      code: signal === "SIGINT" ? 130 : 143,
      signal: undefined,
      modes: COOKED,
    });
  });
}

test("a stop of main is main's, and no sudden end", async () => {
  await using terminal = start("ends in order");
  await terminal.shows(/raw/);
  terminal.signal("SIGTERM");
  assert.deepEqual(await terminal.ended(), { code: 0, signal: undefined, modes: COOKED });
  assert.match(terminal.output, /stopping/);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  test(`the terminal is given back when ${signal} ends a program that does not listen`, async () => {
    await using terminal = start("waits without main");
    await terminal.shows(/raw/);
    assert.deepEqual(await terminal.modes(), RAW);
    terminal.signal(signal);
    assert.deepEqual(await terminal.ended(), { code: null, signal, modes: COOKED });
  });
}

for (const name of ["waits without main", "waits in main", "lines"]) {
  test(`a program that ${name} ends by SIGHUP when the terminal goes away`, async () => {
    await using terminal = start(name);
    await terminal.shows(/raw|ready/);
    terminal.hangUp();
    assert.deepEqual(await terminal.ended(), { code: null, signal: "SIGHUP", modes: null });
  });
}

test("a signal that somebody else listens to is theirs", async () => {
  await using terminal = start("has a listener of its own");
  await terminal.shows(/raw/);
  terminal.signal("SIGHUP");
  assert.deepEqual(await terminal.ended(), { code: 5, signal: undefined, modes: COOKED });
  assert.match(terminal.output, /heard/);
});

for (const [name, code] of [
  ["exits", 7],
  ["has an uncaught error", 1],
] as const) {
  test(`the terminal is given back when the program ${name}`, async () => {
    await using terminal = start(name);
    await terminal.shows(/raw/);
    assert.deepEqual(await terminal.modes(), RAW);
    terminal.type("x");
    assert.deepEqual(await terminal.ended(), { code, signal: undefined, modes: COOKED });
  });
}

test("a program that is stopped gives the terminal back, and takes it again when it goes on", async () => {
  await using terminal = start("waits in main");
  await terminal.shows(/raw/);
  terminal.signal("SIGTSTP");
  await terminal.stopped();
  assert.deepEqual(await terminal.modes(), COOKED);
  terminal.signal("SIGCONT");
  while ((await terminal.modes()).canonical);
  assert.deepEqual(await terminal.modes(), RAW);
  terminal.signal("SIGTERM");
  assert.deepEqual((await terminal.ended()).modes, COOKED);
});

test("a prompt shows its question, and the answer only where it may; keys that correct are obeyed in both", async () => {
  await using terminal = start("prompts");
  await terminal.shows(/Name\? $/);
  terminal.type("Ada\n");
  await terminal.shows(/name: Ada[\s\S]*Password\? $/);
  while ((await terminal.modes()).canonical);
  terminal.type("wrong\x15sü\x7f\x08secrex\x7ft\r");
  await terminal.shows(/Password\? \r\nsecret: secret[\s\S]*Last\? $/);
  assert.doesNotMatch(terminal.output, /wrong/);
  while ((await terminal.modes()).canonical);
  terminal.type("\x04");
  await terminal.shows(/last: undefined/);
  assert.deepEqual(await terminal.ended(), { code: 0, signal: undefined, modes: COOKED });
});

test("Ctrl-C at a prompt that shows nothing is a stop, as at any other", async () => {
  await using terminal = start("waits at a prompt");
  await terminal.shows(/Password\? /);
  while ((await terminal.modes()).canonical);
  terminal.type("\x03");
  const { code, modes } = await terminal.ended();
  assert.deepEqual([code, modes], [130, COOKED]);
});

test("a prompt that is cancelled gives the terminal back, and the next one gets its own answer", async () => {
  await using terminal = start("leaves a prompt");
  await terminal.shows(/left[\s\S]*Name\? $/);
  assert.deepEqual(await terminal.modes(), COOKED);
  terminal.type("Ada\n");
  await terminal.shows(/then: Ada/);
  assert.equal((await terminal.ended()).code, 0);
});
