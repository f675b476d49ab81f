/** Every command in the tables of examples/README.md works as printed; only ports and files are changed, to free ones. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { freePort, Program, ROOT } from "../support/program.ts";
import { lacking } from "../support/tools.ts";

interface Printed {
  /** What it prints once it is at work, or at its end. */
  readonly prints: RegExp;
  /** What it prints when Ctrl-C has ended it; `undefined` for what ends by itself, or is ended by the signal as it is. */
  readonly atTheEnd?: RegExp;
  /** The command of the server that it needs. */
  readonly needs?: string;
  /** Its flags for a port, where it takes one. */
  readonly flags?: (port: number) => string;
  /** A file that it writes here, for which a temporary one stands in. */
  readonly writes?: string;
}

const withPort = (port: number): string => `--port ${port}`;
const listening = /^listening on /m;
const asExpected = /every answer was as expected\n/;
const step = (name: string): string => `npm run example -- evolution/${name}`;

function evolutionStep(name: string, flags: string): Record<string, Printed> {
  const server = step(`${name}/server`);
  return {
    [server]: { flags: withPort, prints: listening },
    [step(`${name}/client ${flags}`)]: { flags: withPort, prints: asExpected, needs: server },
  };
}

/** Each command of the tables, in their order. */
const commands: Record<string, Printed> = {
  "npm run example -- first": { prints: /nothing is left running\n/ },
  "npm run coppice -- serve examples/arithmetic.ts": {
    flags: (port) => `--listen tcp://127.0.0.1:${port}`,
    prints: /listening on .*, methods: add, divide\n/,
    atTheEnd: /stopped after .*: 0 calls on 0 connections\n/,
  },
  "npm run example -- echo/protocol": { flags: withPort, prints: listening, atTheEnd: /stopped: served 0 clients\n/ },
  "npm run example -- echo/tasks": { flags: withPort, prints: listening, atTheEnd: /stopped: served 0 clients\n/ },
  "npm run example -- echo/trio-server": { flags: withPort, prints: listening },
  "npm run example -- echo/trio-client": {
    flags: (port) => `--port ${port} --messages 2 --interval 10`,
    prints: /parent: both have ended\n/,
    needs: "npm run example -- echo/trio-server",
  },
  "npm run example -- echo/fish-server": { flags: withPort, prints: listening },
  "npm run example -- echo/fish-client": {
    flags: withPort,
    prints: /thanks for all the fish/,
    needs: "npm run example -- echo/fish-server",
  },
  "npm run -s example -- terminal/reader": { prints: /^$/ },
  "npm run -s example -- music/tone A4 --seconds 1 > tone.raw": { prints: /^$/, writes: "tone.raw" },
  "npm run -s example -- music/play examples/music/tune.txt --out tune.wav": { prints: /^$/, writes: "tune.wav" },
  ...evolutionStep("c001-sync", "--beats 3 --heartbeat 500"),
  [step("c002-callback/server")]: { flags: withPort, prints: listening },
  [step("c002-callback/client --clients 3 --beats 3 --heartbeat 500")]: {
    flags: withPort,
    prints: asExpected,
    needs: step("c002-callback/server"),
  },
  [step("c002-callback/both")]: { prints: asExpected },
  ...evolutionStep("c003-generator", "--clients 3 --beats 3 --heartbeat 500"),
  ...evolutionStep("c004-yield-star", "--clients 3 --beats 3 --heartbeat 500"),
  ...evolutionStep("c005-async", "--clients 3 --beats 3 --heartbeat 500"),
  [step("c006-streams/server")]: {
    flags: withPort,
    prints: listening,
    atTheEnd: /stopped: answered 4 calls on 1 connections\n/,
  },
  [step("c006-streams/client --beats 3 --heartbeat 500")]: {
    flags: withPort,
    prints: asExpected,
    needs: step("c006-streams/server"),
  },
  "npm start": {
    flags: (port) => `-- --port ${port}`,
    prints: /100 connections /,
    atTheEnd: /stopped after .*: answered [0-9]+ calls on 100 connections\n/,
  },
};

const readme = readFileSync(join(ROOT, "examples/README.md"), "utf8");

test("the tables name these commands and no others", () => {
  const named = [...readme.matchAll(/\| `(npm [^`]+)` \|$/gm)].map(([, command]) => command);
  assert.deepEqual(named, Object.keys(commands));
});

const folder = mkdtempSync(join(tmpdir(), "coppice-examples-"));
after(() => rmSync(folder, { recursive: true }));

const needed = new Set(Object.values(commands).map(({ needs }) => needs));
for (const [command, { needs }] of Object.entries(commands)) {
  // Servers that a client needs are run with it.
  if (needed.has(command)) continue;
  test(`\`${command}\` runs${needs === undefined ? "" : ", against its server"}`, {
    skip: command.includes("play") && lacking("sox"),
  }, async () => {
    const port = await freePort();
    await using server = needs === undefined ? undefined : await started(needs, port);
    await using program = await started(command, port);
    await end(command, program);
    if (needs !== undefined && server !== undefined) await end(needs, server);
  });
}

/** In a process group of its own, as a terminal starts it. */
async function started(command: string, port: number): Promise<Program> {
  const { flags, prints, writes = "" } = commands[command] as Printed;
  const shown = command.replace(writes, writes && join(folder, writes));
  const program = new Program("sh", ["-c", `${shown} ${flags?.(port) ?? ""}`], { detached: true });
  await program.prints(prints);
  return program;
}

/** Ctrl-C on a terminal reaches the whole group. What npm and the shell make of it is theirs. */
async function end(command: string, program: Program): Promise<void> {
  const { atTheEnd } = commands[command] as Printed;
  if (atTheEnd !== undefined || needed.has(command)) program.signal("SIGINT");
  if (atTheEnd !== undefined) await program.prints(atTheEnd);
  const { code } = await program.ended;
  if (atTheEnd === undefined && !needed.has(command)) assert.equal(code, 0, program.stderr);
}
