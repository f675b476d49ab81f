/** Programs in which nothing can happen any more, and programs that only look so. */
import assert from "node:assert/strict";
import test from "node:test";
import { Program, ROOT, runProgram } from "../support/program.ts";

function start(source: string): Program {
  const args = ["--conditions=coppice-source", "--input-type=module", "--eval", source];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  return new Program(process.execPath, args, { cwd: ROOT, env, timeout: 20_000, killSignal: "SIGKILL" });
}

test("a program whose tasks are all blocked ends with a report of each, with its await site", async () => {
  const { code, stderr } = await runProgram(`
    import { Event, Future, channel, run, shield, taskGroup } from "coppice";
    async function receiverUser() { const [, receiver] = channel(0, { name: "kept" }); globalThis.kept = receiver; await receiver.receive(); }
    async function eventUser() { await shield(() => new Event().wait()); }
    async function futureUser() { await new Future(); }
    async function foreignUser() { await new Promise(() => {}); }
    await run(() => taskGroup((group) => {
      for (const fn of [receiverUser, eventUser, futureUser, foreignUser]) group.spawn(fn);
    }));
  `);
  assert.equal(code, 1);
  assert.match(stderr, /DeadlockError: every task is blocked, and nothing is left that could wake one/);
  for (const name of ["receiverUser", "eventUser", "futureUser"])
    assert.match(stderr, new RegExp(`task "${name}" waits\n\\s+at async ${name} `));
  assert.match(stderr, /task "foreignUser" is in an await of its own/);
});

test("cleanup that waits for timers and files runs to its end first", async () => {
  const { code, stdout, stderr } = await runProgram(`
    import { readFile } from "node:fs/promises";
    import { run, shield, sleep, sleepForever, until } from "coppice";
    await run(async () => {
      try {
        await sleepForever();
      } finally {
        await shield(async () => {
          await sleep(20);
          await until(readFile("package.json"));
          await sleep(20);
        });
        console.log("clean");
      }
    });
  `);
  assert.deepEqual([code, stdout], [1, "clean\n"]);
  assert.match(stderr, /DeadlockError/);
});

test("the program may catch the report and go on", async () => {
  const { code, stdout } = await runProgram(`
    import { DeadlockError, run, sleep, sleepForever } from "coppice";
    const error = await run(sleepForever).catch((error) => error);
    console.log(error instanceof DeadlockError);
    await run(() => sleep(5));
    console.log((await run(sleepForever).catch((error) => error)).code);
  `);
  assert.deepEqual([code, stdout], [0, "true\nDEADLOCK\n"]);
});

test("two runs at once are told each on its own", async () => {
  const { code, stdout } = await runProgram(`
    import { run, sleepForever } from "coppice";
    const report = (name) => run(sleepForever, { name }).catch((error) => console.log(name, error.message.includes('task "' + name)));
    await Promise.all([report("a"), report("b")]);
  `);
  assert.deepEqual([code, stdout], [0, "a true\nb true\n"]);
});

const handles: Record<string, string> = {
  "a timer of the host": "setTimeout(wake, 30)",
  "a socket that listens":
    "const { createServer } = await import('node:net'); const server = createServer().listen(0, '127.0.0.1'); setTimeout(() => { wake(); server.close(); }, 30).unref()",
  "a child process": "const { exec } = await import('node:child_process'); exec('sleep 0.05', wake)",
  "a worker":
    "const { Worker } = await import('node:worker_threads'); new Worker('setTimeout(() => {}, 30)', { eval: true }).on('exit', wake)",
  "a sleep of another task": "const { sleep } = await import('coppice'); void sleep(30).then(wake)",
};

for (const [name, arm] of Object.entries(handles)) {
  test(`a run that waits beside what is still alive is not taken as stuck: ${name}`, async () => {
    const { code, stdout, stderr } = await runProgram(`
      import { Event, run } from "coppice";
      const event = new Event();
      const wake = () => event.set();
      ${arm};
      await run(() => event.wait());
      console.log("woken");
    `);
    assert.deepEqual([code, stdout, stderr], [0, "woken\n", ""]);
  });
}

test("whoever hears of beforeExit first may still wake somebody", async () => {
  const { code, stdout } = await runProgram(`
    import { Event, run } from "coppice";
    const event = new Event();
    process.once("beforeExit", () => setImmediate(() => event.set()));
    await run(() => event.wait());
    console.log("woken");
  `);
  assert.deepEqual([code, stdout], [0, "woken\n"]);
});

test("a thread that is stuck reports, too", async () => {
  const { stdout } = await runProgram(`
    import { Worker } from "node:worker_threads";
    const worker = new Worker(
      'import("coppice").then(({ run, sleepForever }) => run(sleepForever)).catch((error) => console.log(error.code))',
      { eval: true, execArgv: ["--conditions=coppice-source"] },
    );
    worker.on("error", (error) => console.log(error.message));
  `);
  assert.equal(stdout, "DEADLOCK\n");
});

const patience: Record<string, string> = {
  "scope.whenStopping": "await currentScope().whenStopping()",
  sleepForever: "await sleepForever()",
  "sleepForever in a child, in a shield":
    "await taskGroup((group) => { group.spawn(() => shield(sleepForever, { graceMs: 0 })); })",
  "whenStopping in a run inside": "await run(() => currentScope().whenStopping())",
};

for (const [name, wait] of Object.entries(patience)) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`main holds a program that only waits to be told to end, and ends on ${signal}: ${name}`, async () => {
      await using program = start(`
        import { currentScope, main, run, shield, sleepForever, taskGroup } from "coppice";
        await main(async () => {
          console.log("ready");
          ${wait};
          console.log("over");
        }, { graceMs: 10 });
      `);
      await program.prints(/ready/);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(program.child.exitCode, null);
      const end = await program.interrupt(signal);
      const isStop = name.startsWith("scope") || name.startsWith("when");
      const code = isStop ? 0 : signal === "SIGINT" ? 130 : 143;
      assert.deepEqual(
        [end.code, end.signal, end.stdout, end.stderr],
        [code, null, isStop ? "ready\nover\n" : "ready\n", ""],
      );
    });
  }
}

test("main reports a program that waits for what no signal could wake", async () => {
  const { code, stdout, stderr } = await runProgram(`
    import { Event, main } from "coppice";
    await main(async function programUser() {
      try {
        await new Event().wait();
      } finally {
        console.log("clean");
      }
    });
  `);
  assert.deepEqual([code, stdout], [1, "clean\n"]);
  assert.match(stderr, /DeadlockError[\s\S]*task "main" waits\s+at async programUser/);
});

test("in main, the program's own signal handlers hold it: they may wake anything", async () => {
  await using program = start(`
    import { Event, main } from "coppice";
    const event = new Event();
    process.on("SIGUSR2", () => event.set());
    await main(async () => {
      console.log("ready");
      await event.wait();
      console.log("woken");
    });
    process.removeAllListeners("SIGUSR2");
  `);
  await program.prints(/ready/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(program.child.exitCode, null);
  const { code, stdout } = await program.interrupt("SIGUSR2");
  assert.deepEqual([code, stdout], [0, "ready\nwoken\n"]);
});

test("a program in main that waited patiently, and is then stuck, is reported after the stop", async () => {
  await using program = start(`
    import { currentScope, Event, main } from "coppice";
    await main(async function programUser() {
      console.log("ready");
      await currentScope().whenStopping();
      console.log("stopping");
      await new Event().wait();
    }, { graceMs: Infinity });
  `);
  await program.prints(/ready/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  program.signal("SIGINT");
  const end = await program.ended;
  assert.equal(end.code, 1);
  assert.match(end.stderr, /DeadlockError[\s\S]*programUser/);
});
