/** Whole processes on the selector loop: when they end, what they are told, and what their limits do. */
import assert from "node:assert/strict";
import { createConnection, type Socket } from "node:net";
import test from "node:test";
import { type End, Program, ROOT, runProgram, startFile } from "../support/program.ts";
import { eventually } from "../support/real.ts";
import { lackingFfi } from "../support/tools.ts";

const HEAD = `
  import { currentLoop, Event, run, sleep, sleepForever, taskGroup } from "coppice";
  import { listen, openTcp, serve } from "coppice/net";
  import { SelectorLoop } from "${ROOT}/src/loops/selector/loop.ts";
  const echo = async (stream) => { for await (const bytes of stream) await stream.send(bytes); };
  async function roundTrip() {
    await taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      group.spawn(() => serve(listener, echo), { background: true });
      const stream = await openTcp(listener.address);
      for (let count = 0; count < 100; count++) {
        await stream.send(Buffer.from("hello"));
        await stream.receive();
      }
      await stream.close();
    });
  }
`;

function ran(source: string): Promise<End> {
  return runProgram(`${HEAD}\n${source}`, 20_000);
}

test("a program whose runs have ended ends by itself, its loop closed or not, and says nothing", async () => {
  for (const close of ["", "loop.close();"]) {
    const end = await ran(`
      const loop = new SelectorLoop();
      await run(roundTrip, { loop });
      ${close}
      console.log("over");
    `);
    assert.deepEqual([end.code, end.stdout, end.stderr], [0, "over\n", ""]);
  }
});

test("what waits for ever is reported when nothing is left that could wake it, also after the network was used", async () => {
  for (const before of ["", "await roundTrip();"]) {
    const end = await ran(`
      await run(async function waitingUser() {
        ${before}
        await new Event().wait();
      }, { loop: new SelectorLoop() });
    `);
    assert.equal(end.code, 1);
    assert.match(end.stderr, /DeadlockError: every task is blocked[\s\S]*waits\s+at async waitingUser/);
  }
});

test("a listener, or a connection that is read, may wake somebody: nothing is reported", async () => {
  const source = `${HEAD}
    await run(async () => {
      const listener = await listen({ port: 0 });
      console.log("listening on " + listener.address.port);
      const stream = await listener.accept();
      console.log(String(await stream.receive()));
      await stream.close();
      await listener.close();
    }, { loop: new SelectorLoop() });
  `;
  const args = ["--conditions=coppice-source", "--input-type=module", "--eval", source];
  await using program = new Program(process.execPath, args);
  const [, port] = await program.prints(/listening on (\d+)/);
  const socket = createConnection(Number(port), "127.0.0.1");
  await new Promise((connected) => socket.once("connect", connected));
  socket.end("hello");
  const end = await program.ended;
  assert.deepEqual([end.code, end.stderr], [0, ""]);
  assert.match(end.stdout, /\nhello\n$/);
});

test("signals are heard while the network is busy and while it is idle", async () => {
  for (const busy of [
    "await sleepForever()",
    "await taskGroup((group) => { group.spawn(async () => { for (;;) await roundTrip(); }); })",
  ]) {
    const source = `${HEAD}
      process.on("SIGUSR2", () => { console.log("heard"); process.exit(); });
      await run(async () => {
        const listener = await listen({ port: 0 });
        console.log("ready");
        ${busy};
      }, { loop: new SelectorLoop() });
    `;
    const args = ["--conditions=coppice-source", "--input-type=module", "--eval", source];
    await using program = new Program(process.execPath, args);
    await program.prints(/ready/);
    assert.equal((await program.interrupt("SIGUSR2")).stdout, "ready\nheard\n");
  }
});

test("when descriptors run out the operator is told, those connected are served, and the others once there are some again", async () => {
  const source = `${HEAD}
    process.on("warning", () => {});
    await run(async () => {
      const loop = currentLoop();
      let failures = 0;
      const handler = {
        accepted() {
          let transport;
          return {
            connectionMade(made) { transport = made; },
            dataReceived(bytes) { transport.write(bytes); },
            eofReceived() { transport.close(); },
            connectionLost() {}, pauseWriting() {}, resumeWriting() {},
          };
        },
        acceptFailed(error) {
          if (failures++ === 0) console.log("failed " + error.name + " " + error.code);
        },
      };
      const listener = await loop.network.listen({ address: { host: "127.0.0.1", port: 0 } }, handler);
      console.log("listening on " + listener.address.port);
      await sleepForever();
    }, { loop: new SelectorLoop() });
  `;
  const line = 'ulimit -n 60; exec "$0" --conditions=coppice-source --input-type=module --eval "$1"';
  await using program = new Program("/bin/sh", ["-c", line, process.execPath, source]);
  const [, port] = await program.prints(/listening on (\d+)/);
  const sockets = Array.from({ length: 60 }, () => createConnection(Number(port), "127.0.0.1"));
  const echoed = new Set<Socket>();
  for (const socket of sockets) {
    socket.on("error", () => {});
    socket.on("data", () => echoed.add(socket));
    socket.write("hello");
  }
  await program.prints(/failed TooManyFilesError EMFILE/);
  await eventually(
    () => {
      for (const socket of echoed) socket.destroy();
      return echoed.size === sockets.length;
    },
    () => `only ${echoed.size} were served`,
  );
  for (const socket of sockets) socket.destroy();
});

test("without node:ffi, koffi carries it", { skip: lackingFfi }, async () => {
  const source = `${HEAD}
    await run(roundTrip, { loop: new SelectorLoop() });
    console.log("over");
    await run(() => new Event().wait(), { loop: new SelectorLoop() }).catch((error) => console.log(error.name));
  `;
  const args = ["--no-experimental-ffi", "--conditions=coppice-source", "--input-type=module", "--eval", source];
  const end = await new Program(process.execPath, args, { timeout: 20_000 }).ended;
  assert.deepEqual([end.code, end.stdout, end.stderr], [0, "over\nDeadlockError\n", ""]);
});

test("in a worker it works, beside the worker's timers, and a worker that is terminated takes nothing with it", async () => {
  const end = await startFile("test/loops/selector-worker.ts").ended;
  assert.deepEqual([end.code, end.stdout, end.stderr], [0, "open\nended\n", ""]);
});
