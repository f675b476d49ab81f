/** Standard input, output and error where they are no terminal, in programs of their own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { sleep, taskGroup } from "coppice";
import { openProcess, runProcess, type Subprocess } from "coppice/process";
import { readAll, readLine, withoutChildren } from "../support/processes.ts";
import { ROOT } from "../support/program.ts";

function command(name: string): readonly [string, ...string[]] {
  return [process.execPath, "--conditions=coppice-source", join(ROOT, "test/process/standard-program.ts"), name];
}

function open(name: string): Promise<Subprocess<"pipe", "pipe", "pipe">> {
  return openProcess(command(name), { stderr: "pipe" });
}

const given = async (name: string, input: string | Uint8Array): Promise<string> =>
  (await runProcess(command(name), { input })).stdout;

test("lines end in a line feed, with or without a carriage return before it; the last one need not", () =>
  withoutChildren(async () => {
    const stdout = await given("lines", "one\r\n\ntwo\rhalf\n grün\nlast");
    assert.equal(stdout, '"one"\n""\n"two\\rhalf"\n" grün"\n"last"\nover\n');
    assert.equal(await given("lines", "last\n"), '"last"\nover\n');
    assert.equal(await given("lines", Uint8Array.of(0x61, 0xff, 0x0a)), '"a\ufffd"\nover\n');
  }));

test("nothing at all is the end of the file, and so is a closed standard input, and one that is nowhere", () =>
  withoutChildren(async () => {
    assert.equal(await given("lines", ""), "over\n");
    assert.equal((await runProcess(command("lines"))).stdout, "over\n");
    const [file, ...args] = command("lines");
    assert.equal((await runProcess(["sh", "-c", '"$@" <&-', "sh", file, ...args])).stdout, "over\n");
  }));

test("a file is read as a pipe is", () =>
  withoutChildren(async () => {
    const [file, ...args] = command("lines");
    const { stdout } = await runProcess(["sh", "-c", '"$@" <package.json', "sh", file, ...args], { cwd: ROOT });
    assert.match(stdout, /^"\{"\n" {2}\\"name\\": \\"coppice\\",/);
    assert.match(stdout, /\nover\n$/);
  }));

test("a line that comes in many pieces, a character cut in two among them, is one", () =>
  withoutChildren(async () => {
    await using program = await open("lines");
    for (const byte of Buffer.from("grün\r\nx")) {
      await program.stdin.send(Uint8Array.of(byte));
      await sleep(2);
    }
    assert.equal(await readLine(program.stdout), '"grün"');
    await program.stdin.close();
    assert.equal(String(await readAll(program.stdout)), '"x"\nover\n');
  }));

test("a hundred thousand lines come out as they went in", () =>
  withoutChildren(async () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index}`);
    const stdout = await given("lines", lines.map((line) => `${line}\n`).join(""));
    assert.equal(stdout, [...lines.map((line) => JSON.stringify(line)), "over\n"].join("\n"));
  }));

test("a line that is too long is an error that names the limit, and its bytes are not lost", () =>
  withoutChildren(async () => {
    const told =
      "FrameError: a line of standard input is longer than maxLineBytes (5): raise that limit, or receive bytes\n";
    assert.equal(await given("lines of at most 5", "12345\r\n123456\n7"), `12345\n${told}left: 123456\n7\n`);
    assert.equal(
      await given("lines of at most 5", `12345\n${"x".repeat(100)}`),
      `12345\n${told}left: ${"x".repeat(100)}\n`,
    );
  }));

test("a program that reads no more ends, though more could come", () =>
  withoutChildren(async () => {
    await using program = await open("one line");
    await program.stdin.send(Buffer.from("one\ntwo\n"));
    assert.equal(await readLine(program.stdout), "one");
    assert.deepEqual(await program.wait(), { code: 0, signal: undefined });
  }));

test("lines, bytes, answers and keys are taken from one input, each from where the one before it stopped", () =>
  withoutChildren(async () => {
    const { stdout, stderr } = await runProcess(command("a line, bytes, a prompt, a line"), {
      input: "one\nabcdef\nthree\n",
    });
    assert.equal(stdout, "line one\nbytes abc\nrest def\nraw three\nend undefined undefined\n");
    assert.equal(stderr, "? ");
  }));

test("a wait that is cancelled in the middle of a line loses nothing of it", () =>
  withoutChildren(async () => {
    await using program = await open("is cancelled in the middle of a line");
    await program.stdin.send(Buffer.from("hal"));
    assert.equal(await readLine(program.stdout), "undefined");
    await program.stdin.send(Buffer.from("ves\n"));
    assert.equal(await readLine(program.stdout), "halves");
  }));

test("what comes when nobody waits any more is left to a child that inherits standard input", () =>
  withoutChildren(async () => {
    await using program = await open("leaves what follows a line to a child");
    await program.stdin.send(Buffer.from("mine\n"));
    assert.equal(await readLine(program.stdout), "mine");
    await program.stdin.send(Buffer.from("for the child"));
    await program.stdin.close();
    assert.equal(await readLine(program.stdout), "child for the child");
  }));

test("what nobody has waited for is left to a child that inherits standard input", () =>
  withoutChildren(async () => {
    await using program = await open("leaves the rest to a child");
    assert.equal(await readLine(program.stdout), "undefined");
    await program.stdin.send(Buffer.from("for the child"));
    await program.stdin.close();
    assert.equal(await readLine(program.stdout), "child for the child");
  }));

test("two tasks cannot read it at once", () =>
  withoutChildren(async () => {
    await using program = await open("two at once");
    assert.equal(String(await readAll(program.stdout)), "BusyError\nBusyError\n");
  }));

test("closed streams are closed for the program's tasks, and others go on", () =>
  withoutChildren(async () => {
    await using program = await open("closes");
    assert.equal(
      String(await readAll(program.stdout)),
      "ClosedError: receive from standard input, which this program has closed\nClosedError\nconsole.log goes on\n",
    );
    assert.equal(
      String(await readAll(program.stderr)),
      "ClosedError: send to standard output, which this program has closed\n",
    );
    assert.equal((await program.wait()).code, 0);
  }));

test("a reader that goes away is a BrokenError of the next send, which can be caught", () =>
  withoutChildren(async () => {
    await using program = await open("floods");
    assert.equal((await program.stdout.receive())?.[0], 0x78);
    await program.stdout.close();
    const told = String(await readAll(program.stderr));
    assert.match(
      told,
      /^BrokenError: send to standard output: (its reader is gone \(EPIPE\)|it cannot be written to .*)\nBrokenError\n$/,
    );
    assert.equal((await program.wait()).code, 0);
  }));

test("a reader that does not read holds the writer up", () =>
  withoutChildren(async () => {
    await using program = await open("is held up");
    const sent = /^sent (\d+)$/.exec(await readLine(program.stderr));
    assert.ok(Number(sent?.[1]) > 0 && Number(sent?.[1]) < 200, String(sent));
    program.kill();
  }));

test("closing flushes, and a slow reader gets everything", () =>
  withoutChildren(async () => {
    await using program = await open("writes much");
    await sleep(200);
    assert.equal((await readAll(program.stdout)).length, 1_000_000);
    assert.equal((await program.wait()).code, 0);
  }));

test("a file and a pipe of the shell are written to as well", () =>
  withoutChildren(async () => {
    const line = `"$@" | wc -c; "$@" >/dev/null && echo fine`;
    const { stdout } = await runProcess(["sh", "-c", line, "sh", ...command("writes much")]);
    assert.equal(stdout, "1000000\nfine\n");
  }));

test("standard output is shared with a child that inherits it", () =>
  withoutChildren(async () => {
    assert.equal((await runProcess(command("has a child with its output"))).stdout, "from the child\n");
  }));

test("many programs at once are no trouble", () =>
  withoutChildren(() =>
    taskGroup((group) => {
      for (let index = 0; index < 4; index++) {
        group.spawn(async () => assert.equal(await given("lines", `${index}`), `"${index}"\nover\n`));
      }
    }),
  ));
