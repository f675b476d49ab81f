/** Synchronous programs: a blocking echo server, and one that serves many with callbacks. */
import assert from "node:assert/strict";
import { createConnection, type Socket } from "node:net";
import test from "node:test";
import { type Program, runProgram, startFile } from "../support/program.ts";

const FOLDER = "test/selector";

/** Sends `text`, ends, and gives what comes back. */
function echoed(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, "127.0.0.1", () => socket.end(text));
    let back = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      back += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(back));
  });
}

/** A connection that has had something echoed. */
function answered(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, "127.0.0.1", () => socket.write("hello"));
    socket.on("error", reject);
    socket.once("data", () => resolve(socket));
  });
}

async function portOf(program: Program): Promise<number> {
  const [, port] = await program.prints(/listening on 127\.0\.0\.1:(\d+)\n/);
  return Number(port);
}

test("a blocking echo server serves one after the other", async () => {
  await using server = startFile(`${FOLDER}/blocking-echo.ts`, ["3"]);
  const port = await portOf(server);
  const texts = ["one", "two".repeat(100_000), ""];
  assert.deepEqual(await Promise.all(texts.map((text) => echoed(port, text))), texts);
  const { code, stderr, stdout } = await server.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /served 3\n/);
});

test("one with a selector and callbacks serves many at a time, breaks with those that break, and ends by its own timer", async () => {
  await using server = startFile(`${FOLDER}/callback-echo.ts`);
  const port = await portOf(server);
  const idle = createConnection(port, "127.0.0.1");
  // Connected, one and all, before the first of them ends.
  const open = await Promise.all(Array.from({ length: 10 }, () => answered(port)));
  const broken = createConnection(port, "127.0.0.1", () => {
    broken.write("never read");
    broken.resetAndDestroy();
  });
  for (const socket of open) socket.destroy();
  const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(1 + 30_000 * (index % 3)));
  assert.deepEqual(await Promise.all(texts.map((text) => echoed(port, text))), texts);
  idle.end("stop");
  const { code, stderr, stdout } = await server.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /at most (1[1-9]|[2-9]\d) at a time\n/);
});

test("a signal without a handler ends a program that is blocked", async () => {
  await using server = startFile(`${FOLDER}/blocking-echo.ts`, ["1"]);
  await portOf(server);
  assert.equal((await server.interrupt("SIGTERM")).signal, "SIGTERM");
});

test("signals that are handled do not disturb a blocked call, and are heard after it", async () => {
  const { stdout, stderr } = await runProgram(`
    import { spawn } from "node:child_process";
    import { EVENT_READ, Selector, socketPair } from "coppice/selector";
    process.on("SIGUSR2", () => {
      console.log("heard");
      process.exit();
    });
    // For as long as this process lives.
    spawn("sh", ["-c", "while kill -USR2 $PPID; do sleep 0.01; done"], { stdio: "ignore" }).unref();
    const [a, b] = socketPair();
    const selector = new Selector();
    selector.register(a, EVENT_READ);
    const before = selector.time();
    console.log("none", selector.select(300).size, selector.time() - before >= 300);
    a.setTimeout(300);
    try { a.recv(); } catch (error) { console.log(error.code, selector.time() - before >= 600); }
    setInterval(() => {}, 1_000);
  `);
  assert.equal(stderr, "");
  assert.match(stdout, /^none 0 true\nETIMEDOUT true\nheard\n$/);
});
