/** What becomes of children when the process that started them ends. */
import assert from "node:assert/strict";
import test from "node:test";
import { openProcess, type Subprocess } from "coppice/process";
import { gone, isRunning, readLine, withoutChildren } from "../support/processes.ts";

const IMPORTS = `
  import { main, run, sleep } from "coppice";
  import { openProcess, runProcess, withProcess } from "coppice/process";`;

function program(source: string, ...before: string[]): Promise<Subprocess<"pipe", "pipe", "pipe">> {
  const args = ["--conditions=coppice-source", "--input-type=module", "-e", `${IMPORTS}${source}`];
  const command: readonly [string, ...string[]] = [before[0] ?? process.execPath, ...before.slice(1)];
  return openProcess(before.length === 0 ? [...command, ...args] : [...command, process.execPath, ...args], {
    stderr: "pipe",
  });
}

test("a program that is stopped has ended its children", () =>
  withoutChildren(async () => {
    await using parent = await program(`
      await main(async () => {
        await using child = await openProcess(["sleep", "100"]);
        console.log(child.pid);
        await child.wait();
      }, { graceMs: 10 });`);
    const pid = Number(await readLine(parent.stdout));
    assert.equal(isRunning(pid), true);
    parent.signal("SIGTERM");
    assert.deepEqual(await parent.wait(), { code: 143, signal: undefined });
    assert.equal(isRunning(pid), false);
  }));

for (const [how, code] of [
  ["process.exit(6)", 6],
  ['setTimeout(() => { throw new Error("uncaught") })', 1],
] as const) {
  test(`a program that ends by ${how} has asked its children to end`, () =>
    withoutChildren(async () => {
      await using parent = await program(`
        await main(async () => {
          await using child = await openProcess(["sleep", "100"]);
          console.log(child.pid);
          await sleep(50);
          ${how};
          await child.wait();
        });`);
      const pid = Number(await readLine(parent.stdout));
      assert.deepEqual(await parent.wait(), { code, signal: undefined });
      await gone(pid);
    }));
}

test("a program that has ended its children leaves no listener behind, and ends", () =>
  withoutChildren(async () => {
    await using parent = await program(`
      await run(async () => {
        for (let count = 0; count < 20; count++) await runProcess(["true"]);
        await withProcess(["sleep", "100"], () => {});
        const child = await openProcess(["true"]);
        await child.wait();
        console.log(process.listenerCount("exit"));
      });`);
    assert.equal(await readLine(parent.stdout), "0");
    assert.deepEqual(await parent.wait(), { code: 0, signal: undefined });
  }));

test("grandchildren that have ended, and that nobody reaps, are not waited for", () =>
  withoutChildren(async () => {
    // What becomes an orphan goes to this program of Python, which looks at the end of its own child only.
    const reaper =
      "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1); " +
      "pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))";
    const source = `
      await run(async () => {
        await using child = await openProcess("sleep 100 & echo $!; wait", { shell: true, graceMs: 3_600_000 });
        console.log(String(await child.stdout.receive()).trim());
      });
      console.log("over");`;
    await using parent = await program(source, "python3", "-c", reaper);
    const grandchild = Number(await readLine(parent.stdout));
    assert.equal(await readLine(parent.stdout), "over");
    assert.equal(isRunning(grandchild), false);
    assert.deepEqual(await parent.wait(), { code: 0, signal: undefined });
  }));
