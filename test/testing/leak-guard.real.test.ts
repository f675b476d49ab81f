/** The leak guard on what belongs to the system, in real runs and without any. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Event, run, shield, sleep, sleepForever, taskGroup, until } from "coppice";
import { listen, openTcp, serve } from "coppice/net";
import { type Leak, LeakError, withLeakGuard } from "coppice/testing";
import { rejection } from "../support/rejection.ts";

/** What a guard with little patience says of `fn`. */
async function leaksOf(fn: () => unknown): Promise<readonly Leak[]> {
  const error = await rejection(withLeakGuard(fn, { patienceMs: 50 }));
  assert.ok(error instanceof LeakError, String(error));
  return error.leaks;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test("a server that still listens is named with its address", async () => {
  const server = createServer();
  const [leak, ...others] = await leaksOf(() => listening(server));
  assert.deepEqual(others, []);
  assert.equal(leak?.kind, "resource");
  assert.match(leak.what, /^Server, listening on 127\.0\.0\.1 port \d+$/);
  server.close();
});

test("sockets that are still open are named with their peers", async () => {
  const server = createServer();
  const port = await listening(server);
  const leaks = await leaksOf(async () => {
    const client = connect(port, "127.0.0.1");
    await Promise.all([once(server, "connection"), once(client, "connect")]);
  });
  assert.equal(leaks.length, 2);
  assert.ok(leaks.some(({ what }) => what === `Socket, connected to 127.0.0.1 port ${port}`));
  for (const { value } of leaks) (value as { destroy(): void }).destroy();
  server.close();
});

test("a child process that still runs is named with its program", async () => {
  const leaks = await leaksOf(async () => {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    await once(child, "spawn");
  });
  const leak = leaks[0] as Leak;
  assert.match(leak.what, /^ChildProcess sleep, pid \d+$/);
  (leak.value as ChildProcess).kill();
});

test("an open file is named with its path", { skip: process.platform !== "linux" && "only Linux tells" }, async () => {
  const [leak, ...others] = await leaksOf(() => openSync(import.meta.filename, "r"));
  assert.deepEqual(others, []);
  assert.ok(leak?.what.startsWith(`file ${import.meta.filename}, descriptor `));
  closeSync(Number(leak?.value));
});

test("a timer that was neither fired nor cleared is named with the place that set it", async () => {
  let timers: NodeJS.Timeout[] = [];
  const leaks = await leaksOf(function pollsForEver() {
    timers = [setInterval(() => {}, 1_000), setTimeout(() => {}, 60_000)];
  });
  assert.equal(leaks.length, 2);
  for (const { kind, where } of leaks) {
    assert.equal(kind, "timer");
    assert.match(where ?? "", /pollsForEver .*leak-guard\.real\.test\.ts:\d+/);
  }
  for (const timer of timers) clearTimeout(timer);
});

test("a run that nobody waited for is named by its tasks", async () => {
  const controller = new AbortController();
  const leaks = await leaksOf(() => {
    const endless = (): Promise<never> => sleepForever();
    const program = (): Promise<void> =>
      taskGroup((group) => {
        group.spawn(endless);
      });
    void run(program, { signal: controller.signal, name: "program" });
  });
  assert.deepEqual(
    leaks.map(({ kind, what }) => [kind, what]),
    [
      ["task", '"program", in program'],
      ["task", '"endless", in task group "anonymous", in task "program", in program'],
    ],
  );
  assert.match(leaks[1]?.where ?? "", /leak-guard\.real\.test\.ts:\d+/);
  controller.abort();
});

test("so is a wait outside of every run", async () => {
  const event = new Event();
  const leaks = await leaksOf(() => {
    void event.wait();
  });
  assert.deepEqual(
    leaks.map(({ kind, what }) => [kind, what]),
    [["wait", "a wait, begun and not awaited"]],
  );
  event.set();
});

test("several leaks are one report", async () => {
  const server = createServer();
  let timer: NodeJS.Timeout | undefined;
  const error = await rejection(
    withLeakGuard(
      async () => {
        await listening(server);
        timer = setTimeout(() => {}, 60_000);
      },
      { patienceMs: 10, name: "the service" },
    ),
  );
  assert.match(
    (error as LeakError).message,
    /^the service left 2 things behind:\n {2}timer: setTimeout .* \(at .*\)\n {2}resource: Server, listening on .*$/,
  );
  clearTimeout(timer);
  server.close();
});

test("the guard waits for what is being closed, as long as it is told to", async () => {
  const server = createServer();
  await withLeakGuard(async () => {
    await listening(server);
    server.close();
  });
  await withLeakGuard(() => {
    setTimeout(() => {}, 20);
  });
});

const clean: Record<string, () => unknown> = {
  nothing: () => {},
  "a computation": () => Array.from({ length: 1_000 }, (_, index) => index).reduce((sum, index) => sum + index),
  "a sleep": () => sleep(1),
  "a run": () => run(() => sleep(1)),
  "a group of tasks that are cancelled": () =>
    run(() =>
      taskGroup(async (group) => {
        for (let task = 0; task < 100; task++) group.spawn(sleepForever);
        await sleep(1);
        group.cancelAll();
      }),
    ),
  "two thousand tasks": () =>
    run(() =>
      taskGroup((group) => {
        for (let task = 0; task < 2_000; task++) group.spawn(() => sleep(task % 3));
      }),
    ),
  "timers of the host that fire or are cleared": async () => {
    clearTimeout(setTimeout(() => {}, 10_000));
    clearInterval(setInterval(() => {}, 10_000));
    setTimeout(() => {}, 10_000).close();
    setTimeout(() => {}, 10_000).unref();
    await new Promise((resolve) => setTimeout(resolve, 1));
    await delay(1);
    await new Promise((resolve) => setImmediate(resolve));
  },
  "a signal with a time limit that nobody needs any more": () => AbortSignal.timeout(60_000),
  "reading files": async () => {
    readFileSync(import.meta.filename);
    await readFile(import.meta.filename);
    closeSync(openSync(import.meta.filename, "r"));
  },
  "a service and its clients": () =>
    run(() =>
      taskGroup(async (group) => {
        const listener = await listen({ port: 0 });
        group.spawn(() =>
          serve(listener, async (stream) => {
            for await (const bytes of stream) await stream.send(bytes);
          }),
        );
        for (let client = 0; client < 5; client++) {
          const stream = await openTcp({ host: "127.0.0.1", port: listener.address.port });
          await stream.send(Buffer.from("hello"));
          assert.equal(String(await stream.receive()), "hello");
          await shield(() => stream.close());
        }
        group.cancelAll();
      }),
    ),
  "fetch, which keeps its connection for later": async () => {
    const server = http.createServer((_request, response) => response.end("hello"));
    const port = await listening(server);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "hello");
    server.close();
    server.closeAllConnections();
  },
  "a child process": async () => {
    await once(spawn("true", { stdio: "pipe" }), "close");
  },
  "a worker": async () => {
    await once(new Worker("0", { eval: true }), "exit");
  },
  "a rejection that somebody takes in time": async () => {
    const failing = Promise.reject(new Error("own"));
    await rejection(failing);
  },
  "a listener on the process that is removed": () =>
    run(async () => {
      const listener = (): void => {};
      process.on("SIGUSR2", listener);
      await sleep(0);
      process.off("SIGUSR2", listener);
    }),
  "a promise of the host that is waited for": () => run(() => until(delay(1))),
};

for (const [name, program] of Object.entries(clean)) {
  test(`a clean program is not flagged: ${name}`, async () => {
    await withLeakGuard(program);
    await run(() => withLeakGuard(program));
  });
}
