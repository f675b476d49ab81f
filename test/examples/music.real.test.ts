/** The music programs as they are run: into a pipe, and through sox into a file, which is looked at from there. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { frequencyOf } from "../../examples/music/notes.ts";
import { SAMPLES_PER_SECOND } from "../../examples/music/synthesizer.ts";
import { Program, startFile } from "../support/program.ts";
import { eventually } from "../support/real.ts";
import { fromBytes, loudnessOf } from "../support/sound.ts";
import { lacking } from "../support/tools.ts";

const NOTES = ["C4", "E4", "G4", "A4", "A5"];
const WINDOW = SAMPLES_PER_SECOND / 10;

/** Which notes sound, one combination after the other, as they change. How long each lasts is not told. */
function combinationsOf(samples: Float64Array): string[] {
  const combinations: string[] = [];
  let last = "";
  for (let from = 0; from + WINDOW <= samples.length; from += WINDOW / 8) {
    const part = samples.subarray(from, from + WINDOW);
    const now = NOTES.filter((note) => loudnessOf(part, frequencyOf(note), SAMPLES_PER_SECOND) > 0.12).join(" ");
    // Twice the same: no mere passage from one to the next.
    if (now === last && combinations.at(-1) !== now) combinations.push(now);
    last = now;
  }
  return combinations;
}

test("the commands file goes through sox into a file, in which the right notes follow each other", {
  skip: lacking("sox"),
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "coppice-music-"));
  try {
    const wave = join(folder, "tune.wav");
    const end = await startFile("examples/music/play.ts", ["examples/music/tune.txt", "--out", wave]).ended;
    assert.deepEqual(end, { code: 0, signal: null, stdout: "", stderr: "" });
    // Independent of this repository: sox reads its own file, and gives signed samples.
    const raw = execFileSync("sox", [wave, "-t", "raw", "-e", "unsigned", "-b", "8", "-"]);
    assert.ok(raw.length >= 3.5 * SAMPLES_PER_SECOND, `${raw.length} samples are too few`);
    const combinations = combinationsOf(fromBytes(raw)).filter((notes) => notes !== "");
    assert.deepEqual(combinations, ["C4", "C4 G4", "G4", "C4 E4 G4", "C4 E4 G4 A5", "C4 E4 G4", "A4"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("sox hears the tone at its frequency", { skip: lacking("sox") }, async () => {
  const command = `"$0" --conditions=coppice-source examples/music/tone.ts A4 --seconds 1 |
    sox -t raw -r 8000 -e unsigned -b 8 -c 1 - -n stat`;
  const { code, stderr } = await new Program("bash", ["-o", "pipefail", "-c", command, process.execPath]).ended;
  assert.equal(code, 0, stderr);
  const [, hertz] = /Rough\s+frequency:\s+(\d+)/.exec(stderr) ?? [];
  assert.ok(Math.abs(Number(hertz) - 440) < 10, stderr);
  const [, loudest] = /Maximum amplitude:\s+(\S+)/.exec(stderr) ?? [];
  assert.ok(Number(loudest) > 0.78 && Number(loudest) < 0.81, stderr);
});

test("a listener that has heard enough ends the tone", async () => {
  const command = '"$0" --conditions=coppice-source examples/music/tone.ts A4 | head -c 1600 | wc -c';
  const end = await new Program("bash", ["-o", "pipefail", "-c", command, process.execPath]).ended;
  assert.deepEqual(end, { code: 0, signal: null, stdout: "1600\n", stderr: "" });
});

test("Ctrl-C ends a performance in order: what was played is in the file", { skip: lacking("sox") }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "coppice-music-"));
  try {
    const wave = join(folder, "tune.wav");
    await using program = startFile("examples/music/play.ts", ["--out", wave], { stdio: ["pipe", "pipe", "pipe"] });
    program.child.stdin?.write("chord 3600 A4\nadd X9\n");
    await eventually(
      () => program.stderr.includes("X9"),
      () => program.stderr,
    );
    const { code, stdout } = await program.interrupt();
    assert.equal(code, 0, program.stderr);
    assert.equal(stdout, "");
    assert.match(execFileSync("soxi", [wave], { encoding: "utf8" }), /Sample Rate {4}: 8000/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("without notes, with a wrong one, without the file or without sox, it says so", async () => {
  assert.match((await startFile("examples/music/tone.ts").ended).stderr, /write notes/);
  const wrong = await startFile("examples/music/tone.ts", ["H4"]).ended;
  assert.deepEqual([wrong.code, wrong.stderr], [2, 'no note is called "H4": write C4, F#3 or Bb5\n']);
  const missing = await startFile("examples/music/play.ts", ["nowhere.txt"]).ended;
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /nowhere\.txt/);
  const env = { ...process.env, PATH: "/nowhere" };
  const without = await startFile("examples/music/play.ts", ["examples/music/tune.txt", "--out", "x.wav"], { env })
    .ended;
  assert.equal(without.code, 1);
  assert.match(without.stderr, /sox/);
});
