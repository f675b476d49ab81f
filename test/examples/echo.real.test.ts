/** The echo servers and their kin, with the clients of others: nc, socat, Python. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { freePort, Program, ROOT, startFile } from "../support/program.ts";
import { lacking } from "../support/tools.ts";

const FOLDER = "examples/echo";

interface Serving extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
}

async function serving(name: string): Promise<Serving> {
  const program = startFile(`${FOLDER}/${name}.ts`, ["--port", "0"]);
  const [, port] = await program.prints(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)\n/);
  return { port: Number(port), program, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/** Runs a command with `input`, and gives what it prints. */
async function piped(command: string, args: readonly string[], input: string | Uint8Array): Promise<Buffer> {
  const program = new Program(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  program.child.stdout?.removeAllListeners("data");
  const chunks: Buffer[] = [];
  program.child.stdout?.on("data", (chunk: Buffer | string) => chunks.push(Buffer.from(chunk)));
  program.child.stdin?.end(input);
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  return Buffer.concat(chunks);
}

const nc = (port: number, input: string) => piped("nc", ["-N", "127.0.0.1", `${port}`], input);

for (const name of ["protocol", "tasks"]) {
  describe(`echo/${name}`, () => {
    test("nc gets back what it sends, and the server counts whom it has served", { skip: lacking("nc") }, async () => {
      await using server = await serving(name);
      assert.equal(String(await nc(server.port, "hello\nworld\n")), "hello\nworld\n");
      assert.equal(String(await nc(server.port, "again")), "again");
      await server.program.prints(/served 2\n/);
      assert.match(server.program.stdout, /client 1 came\nclient 1 left after 12 bytes; served 1\nclient 2 came\n/);
      const { code, stdout } = await server.program.interrupt();
      assert.equal(code, 0);
      assert.match(stdout, /client 2 left after 5 bytes; served 2\nstopped: served 2 clients\n$/);
    });

    test("socat sends a megabyte, faster than it reads, and gets every byte back", {
      skip: lacking("socat"),
    }, async () => {
      await using server = await serving(name);
      const text = Array.from({ length: 64 * 1024 }, (_, line) => `line ${line}`.padEnd(15)).join("\n");
      assert.equal(String(await piped("socat", ["-t", "10", "-", `TCP:127.0.0.1:${server.port}`], text)), text);
    });

    test("a client that resets is no trouble to another one", { skip: lacking("nc") }, async () => {
      await using server = await serving(name);
      const rude = connect({ port: server.port, host: "127.0.0.1" });
      await new Promise((resolve) => rude.once("connect", resolve));
      rude.write("x");
      await server.program.prints(/client 1 came/);
      rude.resetAndDestroy();
      await server.program.prints(/served 1\n/);
      assert.equal(String(await nc(server.port, "still there")), "still there");
    });
  });
}

test("Trio's client sends and receives at the same time, and the server numbers its connections", async () => {
  await using server = await serving("trio-server");
  const client = () =>
    startFile(`${FOLDER}/trio-client.ts`, ["--port", `${server.port}`, "--messages", "3", "--interval", "20"]).ended;
  const { code, stdout, stderr } = await client();
  assert.deepEqual([code, stderr], [0, ""]);
  const lines = stdout.split("\n");
  assert.deepEqual(lines.slice(0, 4), [
    `parent: connecting to 127.0.0.1:${server.port}`,
    "parent: spawning sender",
    "parent: spawning receiver",
    'sender: sending "message 1"',
  ]);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("sender:")),
    [1, 2, 3].map((number) => `sender: sending "message ${number}"`),
  );
  const echoed = lines
    .filter((line) => line.startsWith("receiver: got"))
    .map((line) => JSON.parse(line.slice("receiver: got ".length)));
  assert.equal(echoed.join(""), "message 1message 2message 3");
  assert.deepEqual(lines.slice(-3), ["receiver: connection closed", "parent: both have ended", ""]);
  await client();
  await server.program.prints(/echo server 2: connection closed\n/);
  assert.match(server.program.stdout, /echo server 1: started\necho server 1: received "message 1/);
});

test("Trio's client says so where nobody listens", async () => {
  const { code, stderr } = await startFile(`${FOLDER}/trio-client.ts`, ["--port", `${await freePort()}`]).ended;
  assert.equal(code, 1);
  assert.match(stderr, /ECONNREFUSED/);
});

test("so long, and thanks for all the fish: to the byte, and to a client that shares no code with it", {
  skip: lacking("python3", "nc"),
}, async () => {
  await using server = await serving("fish-server");
  const client = startFile(`${FOLDER}/fish-client.ts`, ["--port", `${server.port}`, "so long", '{"and": 1}']);
  const { code, stdout, stderr } = await client.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, 'so long -> "thanks for all the fish"\n{"and": 1} -> {"what is that":{"and":1}}\n');
  const source = `
import socket, struct, sys, json
sock = socket.create_connection(("127.0.0.1", ${server.port}))
for message in ["so long", ["h\\u00e9"]]:
    body = json.dumps(message).encode()
    for byte in struct.pack("<I", len(body)) + body:
        sock.sendall(bytes([byte]))
    (length,) = struct.unpack("<I", sock.recv(4, socket.MSG_WAITALL))
    print(json.loads(sock.recv(length, socket.MSG_WAITALL)))
`;
  const answers = await piped("python3", ["-c", source], "");
  assert.equal(String(answers), "thanks for all the fish\n{'what is that': ['h\u00e9']}\n");
  assert.equal(String(await nc(server.port, '\t\0\0\0"so long"')), '\u0019\0\0\0"thanks for all the fish"');
});

test("what is no message costs its client the connection, and no other", { skip: lacking("nc") }, async () => {
  await using server = await serving("fish-server");
  assert.equal(String(await nc(server.port, "\x01\0\0\0{")), "");
  assert.equal(String(await nc(server.port, "\0\0\0\x7f{")), "");
  await server.program.prints(/maxFrameBytes/);
  assert.equal(String(await nc(server.port, '\t\0\0\0"so long"')), '\u0019\0\0\0"thanks for all the fish"');
});

test("each program says how to run it, and the README lists it", () => {
  const readme = readFileSync(join(ROOT, "examples/README.md"), "utf8");
  for (const file of readdirSync(join(ROOT, FOLDER))) {
    const name = file.slice(0, -".ts".length);
    const source = readFileSync(join(ROOT, FOLDER, file), "utf8");
    assert.match(source, new RegExp(`^ \\*   npm run example -- echo/${name}( |$)`, "m"));
    assert.ok(readme.includes(`| [${name}](echo/${file}) |`), name);
  }
});
