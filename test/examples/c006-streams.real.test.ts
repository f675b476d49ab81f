import assert from "node:assert/strict";
import test from "node:test";
import { freePort, type Program, startFile } from "../support/program.ts";
import { checkHalfClose, checkWire, receive, withSocket } from "./service-contract.ts";

const FOLDER = "examples/evolution/c006-streams";

test("the client beats, checks each answer and ends by itself", async () => {
  await using server = await startServer();
  await using client = startFile(`${FOLDER}/client.ts`, [
    "--port",
    `${server.port}`,
    "--beats",
    "3",
    "--heartbeat",
    "50",
  ]);
  const { code, stdout, stderr } = await client.ended;
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split("\n");
  const methods = ["connect", "heartbeat", "heartbeat", "heartbeat"];
  assert.equal(lines.pop(), "every answer was as expected");
  assert.equal(lines.length, 2 * methods.length);
  const ids = new Set<string>();
  for (const [index, method] of methods.entries()) {
    const [, id = ""] = /"id": "([0-9a-f]{8})"/.exec(lines[2 * index] ?? "") ?? [];
    ids.add(id);
    assert.equal(lines[2 * index], `> {"method": "${method}", "jsonrpc": "2.0", "id": "${id}"}`);
    assert.equal(lines[2 * index + 1], `< {"result":"ok","id":"${id}","jsonrpc":"2.0"}`);
  }
  assert.equal(ids.size, methods.length);
});

test("the server answers to the byte, and a client that sends no more", async () => {
  await using server = await startServer();
  await checkWire(server.port);
  await checkHalfClose(server.port);
});

test("what is no JSON is answered, and a broken frame costs one connection only", async () => {
  await using server = await startServer();
  await withSocket(server.port, async (socket) => {
    socket.write("\0\0\0\x01{", "latin1");
    assert.match(await receive(socket, 64), /^\0\0\0.\{"error":\{"code":-32700,"message":"Parse error: /);
  });
  await withSocket(server.port, async (socket) => {
    socket.write("\x7f\xff\xff\xff", "latin1");
    await new Promise((resolve) =>
      socket
        .on("close", resolve)
        .on("error", () => {})
        .resume(),
    );
  });
  await server.program.prints(/a connection failed: FrameError: /);
  await checkWire(server.port);
});

test("Ctrl-C ends the server in order, though a client is connected, and the client notices", async () => {
  await using server = await startServer();
  await using client = startFile(`${FOLDER}/client.ts`, ["--port", `${server.port}`]);
  await client.prints(/\n< /);
  const { code, stdout } = await server.program.interrupt();
  assert.equal(code, 0);
  assert.match(stdout, /\nstopped: answered 1 calls on 1 connections\n$/);
  const end = await client.ended;
  assert.equal(end.code, 1);
  assert.equal(end.stderr, "the server closed the connection\n");
});

test("Ctrl-C ends the client in order", async () => {
  await using server = await startServer();
  await using client = startFile(`${FOLDER}/client.ts`, ["--port", `${server.port}`]);
  await client.prints(/\n< /);
  const { code, stdout } = await client.interrupt();
  assert.equal(code, 0);
  assert.match(stdout, /\nevery answer was as expected\n$/);
});

test("without a server, the client says so", async () => {
  const port = await freePort();
  const { code, stderr } = await startFile(`${FOLDER}/client.ts`, ["--port", `${port}`]).ended;
  assert.equal(code, 1);
  assert.equal(stderr, `connect to 127.0.0.1:${port}: nothing listens there (ECONNREFUSED)\n`);
});

interface Server extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
}

async function startServer(): Promise<Server> {
  const program = startFile(`${FOLDER}/server.ts`, ["--port", "0"]);
  const [, port] = await program.prints(/^listening on tcp:\/\/127\.0\.0\.1:([0-9]+)\n/);
  return { port: Number(port), program, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}
