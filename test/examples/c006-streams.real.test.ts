/** What the last step of the evolution adds to the others: ends in order, on either side. */
import assert from "node:assert/strict";
import test from "node:test";
import { type Program, startFile } from "../support/program.ts";

const FOLDER = "examples/evolution/c006-streams";

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

interface Server extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
}

async function startServer(): Promise<Server> {
  const program = startFile(`${FOLDER}/server.ts`, ["--port", "0"]);
  const [, port] = await program.prints(/^listening on tcp:\/\/127\.0\.0\.1:([0-9]+)\n/);
  return { port: Number(port), program, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}
