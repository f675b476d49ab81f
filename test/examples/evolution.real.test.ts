/** The evolution of the JSON-RPC server: every client of every step against every server of every step, and Python for either side. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { freePort, Program, ROOT, startFile } from "../support/program.ts";
import { lacking } from "../support/tools.ts";
import { checkHalfClose, checkWire, receive, withSocket } from "./service-contract.ts";

const FOLDER = "examples/evolution";
const STEPS = ["c001-sync", "c002-callback", "c003-generator", "c004-yield-star", "c005-async", "c006-streams"];
const BEATS = 2;

/** Who serves: each is told a port, and says where it listens. */
const servers: Record<string, (port: number) => Program> = {
  ...Object.fromEntries(
    STEPS.map((step) => [step, (port) => startFile(`${FOLDER}/${step}/server.ts`, ["--port", `${port}`])]),
  ),
  both: (port) => startFile(`${FOLDER}/both/main.ts`, ["--port", `${port}`, "--clients", "2"]),
  ...(lacking("python3") ? {} : { Python: (port) => python("server", port) }),
};

/** Who asks: `connect`, and then so many beats. */
const clients: Record<string, (port: number) => Program> = {
  ...Object.fromEntries(STEPS.map((step) => [step, (port) => startClient(step, port)])),
  ...(lacking("python3") ? {} : { Python: (port) => python("client", port, 1, BEATS) }),
};

function python(...args: (string | number)[]): Program {
  return new Program("python3", [join(ROOT, "test/python/evolution.py"), ...args.map(String)]);
}

function startClient(step: string, port: number, ...more: string[]): Program {
  const args = ["--port", `${port}`, "--beats", `${BEATS}`, "--heartbeat", "10", ...more];
  return startFile(`${FOLDER}/${step}/client.ts`, args);
}

interface Serving extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
}

async function serving(name: string): Promise<Serving> {
  const program = (servers[name] as (port: number) => Program)(0);
  const [, port] = await program.prints(/tcp:\/\/127\.0\.0\.1:([0-9]+)/);
  return { port: Number(port), program, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/** What a client prints: requests and answers in turn, each behind its name, and at last that all was well. */
function checkConversation(output: string, name = ""): void {
  const lines = output.split("\n").filter((line) => /^(client \d+ )?[<>] /.test(line) && line.startsWith(name));
  const methods = ["connect", ...Array.from({ length: BEATS }, () => "heartbeat")];
  const ids = new Set<string>();
  assert.equal(lines.length, 2 * methods.length, output);
  for (const [index, method] of methods.entries()) {
    const [, id = ""] = /"id": "([0-9a-f]{8})"/.exec(lines[2 * index] ?? "") ?? [];
    ids.add(id);
    assert.equal(lines[2 * index], `${name}> {"method": "${method}", "jsonrpc": "2.0", "id": "${id}"}`);
    assert.equal(lines[2 * index + 1], `${name}< {"result":"ok","id":"${id}","jsonrpc":"2.0"}`);
  }
  assert.equal(ids.size, methods.length, "each request has an id of its own");
  assert.match(output, /\nevery answer was as expected\n$/);
}

for (const server of Object.keys(servers)) {
  test(`every client works against the server of ${server}`, async () => {
    await using service = await serving(server);
    for (const [client, start] of Object.entries(clients)) {
      const { code, stdout, stderr } = await start(service.port).ended;
      assert.deepEqual([client, code, stderr], [client, 0, ""], stdout);
      checkConversation(stdout);
    }
  });
}

for (const step of STEPS) {
  describe(step, () => {
    test("its server answers to the byte, however the bytes are cut", async () => {
      await using service = await serving(step);
      await checkWire(service.port);
      await checkHalfClose(service.port);
    });

    test("a broken frame costs one connection, and what is no JSON is answered", async () => {
      await using service = await serving(step);
      await withSocket(service.port, async (socket) => {
        socket.write("\x7f\xff\xff\xff", "latin1");
        await new Promise((resolve) =>
          socket
            .on("close", resolve)
            .on("error", () => {})
            .resume(),
        );
      });
      await service.program.prints(/a connection failed: .*2147483647/);
      await withSocket(service.port, async (socket) => {
        socket.write("\0\0\0\x01{", "latin1");
        assert.match(await receive(socket, 64), /^\0\0\0.\{"error":\{"code":-32700,"message":"Parse error: /);
      });
      await checkWire(service.port);
    });

    test("a client that is reset in the middle costs nobody else anything", async () => {
      await using service = await serving(step);
      await withSocket(service.port, async (socket) => {
        socket.write("\0\0\0\x35{", "latin1");
        socket.resetAndDestroy();
      });
      await checkWire(service.port);
    });

    test("its client says so where nobody listens, and where the server goes away", async () => {
      const port = await freePort();
      const without = await startClient(step, port).ended;
      assert.equal(without.code, 1);
      assert.match(without.stderr, /ECONNREFUSED/);
      await using service = await serving("c006-streams");
      await using client = startClient(step, service.port, "--beats", "0");
      await client.prints(/\n< .*\n> .*\n< /s);
      await service.program.interrupt("SIGKILL");
      const end = await client.ended;
      assert.equal(end.code, 1);
      assert.match(end.stderr, /the server closed the connection|connection was lost|ECONNRESET|EPIPE/);
    });
  });
}

for (const step of STEPS.filter((name) => name !== "c001-sync")) {
  test(`several clients of ${step} ask side by side, from one program`, async () => {
    await using service = await serving("c002-callback");
    const { code, stdout, stderr } = await startClient(step, service.port, "--clients", "3").ended;
    assert.deepEqual([code, stderr], [0, ""]);
    for (const name of ["client 1 ", "client 2 ", "client 3 "]) checkConversation(stdout, name);
    // Nobody waits for the others: all have asked before the first has its second answer.
    const connects = stdout.indexOf("client 3 >");
    assert.ok(connects < stdout.indexOf("heartbeat"), stdout);
  });
}

test("the blocking server serves one client at a time, and the next one then", async () => {
  await using service = await serving("c001-sync");
  await using first = startClient("c006-streams", service.port, "--beats", "0");
  await first.prints(/\n< /);
  await using second = startClient("c006-streams", service.port);
  await second.prints(/> .*connect/);
  assert.ok(!second.stdout.includes("<"), second.stdout);
  await first.interrupt();
  checkConversation((await second.ended).stdout);
});

test("a server of callbacks and its clients run on one loop, which ends with them", async () => {
  const { code, stdout, stderr } = await startFile(`${FOLDER}/c002-callback/both.ts`, [
    "--beats",
    `${BEATS}`,
    "--heartbeat",
    "10",
  ]).ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^listening on tcp:\/\/127\.0\.0\.1:\d+\n/);
  for (const name of ["client 1 ", "client 2 ", "client 3 "]) checkConversation(stdout, name);
});

test("each program says how to run it, and the README lists it", () => {
  const readme = readFileSync(join(ROOT, "examples/README.md"), "utf8");
  for (const step of STEPS) {
    const programs = readdirSync(join(ROOT, FOLDER, step)).filter((file) => /^(server|client|both)\.ts$/.test(file));
    for (const file of programs) {
      const name = `${step}/${file.slice(0, -".ts".length)}`;
      const source = readFileSync(join(ROOT, FOLDER, step, file), "utf8");
      assert.match(source, new RegExp(`^ \\*   npm run example -- evolution/${name}( |$)`, "m"));
      assert.ok(readme.includes(`| [${name}](evolution/${step}/${file}) |`), name);
    }
  }
});
