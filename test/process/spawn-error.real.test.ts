/** Programs that cannot be started: what is told, and that nothing is left behind. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { openProcess, runPipeline, runProcess, SpawnError } from "coppice/process";
import { withoutChildren } from "../support/processes.ts";
import { rejection } from "../support/rejection.ts";

async function spawnError(promise: PromiseLike<unknown>): Promise<SpawnError> {
  const error = await rejection(promise);
  assert.ok(error instanceof SpawnError, String(error));
  return error;
}

test("a name that is in no directory of PATH is told with that PATH", () =>
  withoutChildren(async () => {
    const env = { PATH: "/usr/bin:/bin" };
    const error = await spawnError(openProcess(["no-such-program", "x"], { env }));
    assert.equal(error.code, "SPAWN");
    assert.equal(error.systemCode, "ENOENT");
    assert.equal(error.message, "start no-such-program x: not found in PATH (/usr/bin:/bin) (ENOENT)");
    assert.equal((error.cause as { code?: string }).code, "ENOENT");
    const bare = await spawnError(openProcess(["no-such-program"], { env: {} }));
    assert.equal(bare.message, "start no-such-program: not found, and PATH is not set (ENOENT)");
  }));

test("a path that is not there is told in full, as seen from the child's directory", () =>
  withoutChildren(async () => {
    const error = await spawnError(openProcess(["./no-such-program"], { cwd: "/usr" }));
    assert.equal(error.message, "start ./no-such-program: there is no file /usr/no-such-program (ENOENT)");
  }));

test("a working directory that is not there is told as such", () =>
  withoutChildren(async () => {
    const error = await spawnError(openProcess(["ls"], { cwd: "/no/such" }));
    assert.equal(error.message, "start ls: its working directory /no/such is not there (ENOENT)");
  }));

test("a script whose interpreter is not there is told as such; one that may not be run, too", () =>
  withoutChildren(async () => {
    const directory = mkdtempSync(join(tmpdir(), "coppice-"));
    const script = join(directory, "script");
    writeFileSync(script, "#!/no/such/interpreter -x\n");
    const forbidden = await spawnError(openProcess([script]));
    assert.equal(
      forbidden.message,
      `start ${script}: no permission to run ${script}: is it a file, and executable? (EACCES)`,
    );
    chmodSync(script, 0o755);
    const error = await spawnError(openProcess([script]));
    assert.equal(error.message, `start ${script}: its interpreter /no/such/interpreter is not there (ENOENT)`);
    rmSync(directory, { recursive: true });
  }));

test("arguments that are too long for the system are told as such, and a long command is cut in the message", () =>
  withoutChildren(async () => {
    const error = await spawnError(openProcess(["ls", "x".repeat(4_000_000)]));
    assert.equal(error.systemCode, "E2BIG");
    assert.match(error.message, /^start ls x+\.\.\.: its arguments and environment are too long: .* \(E2BIG\)$/);
    assert.ok(error.message.length < 400);
  }));

test("where a shell would start the program for us, the error is the same", () =>
  withoutChildren(async () => {
    const env = { PATH: "/usr/bin:/bin" };
    const expected = "start no-such-program: not found in PATH (/usr/bin:/bin) (ENOENT)";
    const joined = await spawnError(openProcess(["no-such-program"], { env, stderr: "stdout" }));
    assert.equal(joined.message, expected);
    const piped = await spawnError(runPipeline([["echo"], ["no-such-program"]], { env }));
    assert.equal(piped.message, expected);
  }));

test("a process without descriptors left says so", () =>
  withoutChildren(async () => {
    const source = `
      import { openSync } from "node:fs";
      import { run } from "coppice";
      import { runProcess } from "coppice/process";
      await run(async () => {
        await runProcess(["true"]);
        const held = [];
        try { for (;;) held.push(openSync("/dev/null")); } catch {}
        await runProcess(["true"]).catch((error) => console.log(error.name, error.message));
      });`;
    const line = 'ulimit -n 60; exec "$0" --conditions=coppice-source --input-type=module -e "$1"';
    const { stdout } = await runProcess(["sh", "-c", line, process.execPath, source]);
    assert.match(stdout, /^SpawnError start true: this process has no file descriptor left: .* \(EMFILE\)\n$/);
  }));

test("a command that is none is a TypeError that says what to do", () =>
  withoutChildren(async () => {
    for (const start of [openProcess, runProcess]) {
      const line = await rejection(start("ls -l"));
      assert.ok(line instanceof TypeError);
      assert.match(line.message, /expected an array of the file and its arguments, got "ls -l": .*shell: true$/);
      for (const wrong of [[], [""], ["ls", 1], { file: "ls" }, undefined]) {
        assert.ok((await rejection(start(wrong as unknown as ["ls"]))) instanceof TypeError);
      }
      assert.ok((await rejection(start(["ls", "\0"]))) instanceof TypeError);
      assert.ok((await rejection(start(["ls"], { shell: true }))) instanceof TypeError);
      assert.ok((await rejection(start(["ls"], { graceMs: -1 }))) instanceof RangeError);
      assert.ok((await rejection(start(["ls"], { stdout: "pip" as "inherit" }))) instanceof TypeError);
    }
  }));
