/** Every command in examples/README.md works as printed; only the ports are changed, to free ones. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { freePort, Program, ROOT } from "../support/program.ts";

/** Each command of the tables, what to add to it so that it uses `port`, and what it prints. */
const commands = {
  "npm run example -- first": { flags: () => "", prints: /nothing is left running\n/ },
  "npm run coppice -- serve examples/arithmetic.ts": {
    flags: (port: number) => `--listen tcp://127.0.0.1:${port}`,
    prints: /listening on .*, methods: add, divide\n/,
    atTheEnd: /stopped after .*: 0 calls on 0 connections\n/,
  },
  "npm run example -- evolution/c006-streams/server": {
    flags: (port: number) => `--port ${port}`,
    prints: /listening on /,
    atTheEnd: /stopped: answered 4 calls on 1 connections\n/,
  },
  "npm run example -- evolution/c006-streams/client --beats 3 --heartbeat 500": {
    flags: (port: number) => `--port ${port}`,
    prints: /every answer was as expected\n/,
  },
  "npm start": {
    flags: (port: number) => `-- --port ${port}`,
    prints: /100 connections /,
    atTheEnd: /stopped after .*: answered [0-9]+ calls on 100 connections\n/,
  },
} as const;
type Command = keyof typeof commands;

const readme = readFileSync(join(ROOT, "examples/README.md"), "utf8");

test("the tables name these commands and no others", () => {
  const named = [...readme.matchAll(/\| `(npm [^`]+)` \|$/gm)].map(([, command]) => command);
  assert.deepEqual(named, Object.keys(commands));
});

for (const command of [
  "npm run example -- first",
  "npm run coppice -- serve examples/arithmetic.ts",
  "npm start",
] as const) {
  test(`\`${command}\` runs`, async () => {
    await using program = start(command, await freePort());
    await program.prints(commands[command].prints);
    await end(command, program);
  });
}

test("the server and the client of c006-streams run, one against the other", async () => {
  const port = await freePort();
  const [serve, ask] = Object.keys(commands).filter((each) => each.includes("c005")) as [Command, Command];
  await using server = start(serve, port);
  await server.prints(commands[serve].prints);
  await using client = start(ask, port);
  await client.prints(commands[ask].prints);
  assert.equal((await client.ended).code, 0);
  await end(serve, server);
});

/** In a process group of its own, as a terminal starts it. */
function start(command: Command, port: number): Program {
  return new Program("sh", ["-c", `${command} ${commands[command].flags(port)}`], { detached: true });
}

/** Ctrl-C on a terminal reaches the whole group. What npm and the shell make of it is theirs. */
async function end(command: Command, program: Program): Promise<void> {
  const what = commands[command];
  if ("atTheEnd" in what) {
    program.signal("SIGINT");
    await program.prints(what.atTheEnd);
  }
  await program.ended;
}
