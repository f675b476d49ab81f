/** Whatever is given to the functions of coppice/process that is not what they ask for: refused by name, and nothing is started. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  openProcess,
  openSignals,
  prompt,
  runPipeline,
  runProcess,
  stdinLines,
  stdout,
  withProcess,
  withRawMode,
} from "coppice/process";
import {
  assertRefused,
  type BadCall,
  NO_BYTES,
  NO_COUNT,
  NO_DURATION,
  NO_FUNCTION,
  NO_OBJECT,
  NO_STRING,
} from "../support/faults-arguments.ts";
import { harmless } from "../support/faults-guard.ts";
import { children } from "../support/processes.ts";

const noCommand = [undefined, null, 5, "ls -l", {}, [], [5], Symbol("value")];
const noStdio = [null, Number.NaN, -1, 1.5, "pip", {}, Symbol("value")];
/** A pipe that nobody would read. */
const noCapture = ["pipe", ...noStdio];
const noEnvironment = [5, "text", Symbol("value")];

const calls: readonly BadCall[] = [
  { name: "openProcess", call: (command) => openProcess(command), values: noCommand },
  { name: "openProcess: options", call: (options) => openProcess(["true"], options), values: NO_OBJECT },
  { name: "openProcess: cwd", call: (cwd) => openProcess(["true"], { cwd }), values: NO_STRING.slice(1) },
  { name: "openProcess: env", call: (env) => openProcess(["true"], { env }), values: noEnvironment },
  { name: "openProcess: graceMs", call: (graceMs) => openProcess(["true"], { graceMs }), values: NO_DURATION },
  { name: "openProcess: stdin", call: (stdin) => openProcess(["true"], { stdin }), values: noStdio },
  { name: "openProcess: stdout", call: (out) => openProcess(["true"], { stdout: out }), values: noStdio },
  { name: "openProcess: stderr", call: (stderr) => openProcess(["true"], { stderr }), values: noStdio },
  { name: "withProcess", call: (command) => withProcess(command, () => {}), values: noCommand },
  { name: "withProcess: body", call: (body) => withProcess(["true"], body), values: NO_FUNCTION },
  { name: "runProcess", call: (command) => runProcess(command), values: noCommand },
  { name: "runProcess: options", call: (options) => runProcess(["true"], options), values: NO_OBJECT },
  { name: "runProcess: input", call: (input) => runProcess(["cat"], { input }), values: [null, 5, {}, true] },
  { name: "runProcess: stdout", call: (out) => runProcess(["true"], { stdout: out }), values: noCapture },
  { name: "runProcess: stderr", call: (stderr) => runProcess(["true"], { stderr }), values: noCapture },
  { name: "runProcess: stdin", call: (stdin) => runProcess(["true"], { stdin }), values: noCapture },
  { name: "runProcess: timeoutMs", call: (timeoutMs) => runProcess(["true"], { timeoutMs }), values: NO_DURATION },
  {
    name: "runProcess: maxOutputBytes",
    call: (maxOutputBytes) => runProcess(["true"], { maxOutputBytes }),
    values: [null, Number.NaN, -1, 1.5, "5", {}],
  },
  { name: "runPipeline", call: (commands) => runPipeline(commands), values: [undefined, null, 5, "ls", {}] },
  { name: "runPipeline: stdout", call: (out) => runPipeline([["true"]], { stdout: out }), values: noCapture },
  { name: "runPipeline: a command", call: (command) => runPipeline([["true"], command]), values: noCommand },
  { name: "openSignals", call: openSignals, values: [undefined, null, 5, "SIGHUP", {}, []], throws: true },
  {
    name: "openSignals: a signal",
    call: (one) => openSignals([one]),
    values: [null, 5, "SIGNONE", "SIGKILL", {}],
    throws: true,
  },
  { name: "prompt", call: (question) => prompt(question), values: [undefined, ...NO_STRING] },
  { name: "withRawMode", call: (body) => withRawMode(body), values: NO_FUNCTION },
  { name: "stdinLines", call: (options) => stdinLines(options), values: NO_OBJECT, throws: true },
  {
    name: "stdinLines: maxLineBytes",
    call: (max) => stdinLines({ maxLineBytes: max }),
    values: NO_COUNT,
    throws: true,
  },
  { name: "stdout.send", call: (bytes) => stdout.send(bytes), values: NO_BYTES },
];

for (const call of calls) {
  test(`coppice/process: ${call.name}`, () =>
    harmless(async () => {
      await assertRefused(call);
      assert.deepEqual(children(), []);
    }));
}

test("an output of runProcess that is no choice is answered with the choices", () =>
  harmless(() =>
    assert.rejects(runProcess(["true"], { stdout: "pipe" as never }), {
      name: "TypeError",
      message: 'stdout: expected "capture", "inherit", "ignore" or the number of a descriptor, got "pipe"',
    }),
  ));

test("of a command that has a part that is no text, the part is told", () =>
  harmless(() =>
    assert.rejects(runProcess(["ls", "-l", 5 as never]), {
      name: "TypeError",
      message: "runProcess: expected an array of strings, the file and its arguments, got 5 at index 2",
    }),
  ));
