/** The parts of the music example: notes, the synthesizer, the player's clock, and a whole performance. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { sleep, taskGroup } from "coppice";
import { frequencyOf } from "../../examples/music/notes.ts";
import { perform } from "../../examples/music/perform.ts";
import { Player } from "../../examples/music/player.ts";
import { SAMPLES_PER_SECOND, Synthesizer } from "../../examples/music/synthesizer.ts";
import { ROOT } from "../support/program.ts";
import { fromBytes, loudnessOf, widestStep } from "../support/sound.ts";
import { virtually } from "../support/virtual.ts";

const SECOND = SAMPLES_PER_SECOND;
const C4 = frequencyOf("C4");
const A4 = frequencyOf("A4");

const loudness = (samples: Float64Array, hertz: number): number => loudnessOf(samples, hertz, SAMPLES_PER_SECOND);

test("notes are equal-tempered, from C0 at 16.35 Hz upwards", () => {
  assert.equal(frequencyOf("C0"), 16.35);
  assert.equal(frequencyOf("C1"), 32.7);
  assert.ok(Math.abs(A4 - 440) < 0.1, `A4 has ${A4} Hz`);
  assert.equal(frequencyOf("C#4"), frequencyOf("Db4"));
  assert.equal(frequencyOf("a4"), A4);
  for (const wrong of ["H4", "C", "C44", "", "C#b4", "Cb0"]) assert.throws(() => frequencyOf(wrong), RangeError, wrong);
});

test("silence is the middle of the byte", () => {
  assert.deepEqual(new Synthesizer().render(4), Uint8Array.of(128, 128, 128, 128));
});

test("a note has its frequency, and 0.8 of the loudness that there is", () => {
  const synthesizer = new Synthesizer();
  synthesizer.add("A4");
  const samples = fromBytes(synthesizer.render(SECOND)).subarray(200);
  assert.ok(Math.abs(loudness(samples, A4) - 0.8) < 0.01, `${loudness(samples, A4)}`);
  for (const other of ["G4", "A#4", "A3", "A5"]) assert.ok(loudness(samples, frequencyOf(other)) < 0.01, other);
  assert.ok(Math.max(...samples.map(Math.abs)) <= 0.8 + 1 / 127);
});

test("many notes together stay within 0.8", () => {
  const synthesizer = new Synthesizer();
  const chord = ["C3", "E3", "G3", "B3", "D4", "F4", "A4", "C5"];
  for (const note of chord) synthesizer.add(note);
  const samples = fromBytes(synthesizer.render(4 * SECOND));
  assert.ok(Math.max(...samples.map(Math.abs)) <= 0.8 + 1 / 127);
  for (const note of chord) assert.ok(loudness(samples, frequencyOf(note)) > 0.08, note);
});

test("notes come and go without a click: no sample is further from the last than the waves themselves go", () => {
  const synthesizer = new Synthesizer();
  const parts = [synthesizer.render(100)];
  for (const change of ["+C4", "+E4", "+A4", "-C4", "+C4", "-E4", "-A4", "-C4", "+A4", "-A4"]) {
    if (change[0] === "+") synthesizer.add(change.slice(1));
    else synthesizer.remove(change.slice(1));
    // Also in the middle of a fade.
    parts.push(synthesizer.render(change === "+C4" ? 37 : 1_000));
  }
  const samples = fromBytes(Buffer.concat(parts));
  const steepest = (2 * Math.PI * A4 * 0.8) / SAMPLES_PER_SECOND;
  assert.ok(widestStep(samples) < steepest + 0.8 / 80 + 2 / 127, `${widestStep(samples)} against ${steepest}`);
  assert.deepEqual([...new Set(synthesizer.render(10))], [128]);
});

test("a wave goes on where it was, however the rendering is cut into blocks", () => {
  const whole = new Synthesizer();
  const cut = new Synthesizer();
  for (const each of [whole, cut]) each.add("A4");
  const blocks: Uint8Array[] = [];
  for (let size = 0; blocks.reduce((sum, block) => sum + block.length, 0) < SECOND; size++)
    blocks.push(cut.render(size));
  const joined = Buffer.concat(blocks);
  assert.deepEqual(joined, Buffer.from(whole.render(joined.length)));
});

test("a note too high for 8,000 samples a second is refused, by name", () => {
  assert.throws(() => new Synthesizer().add("C8"), /C8 has 4186 Hz/);
});

/** Takes samples, now and then slowly. */
class Tape {
  readonly blocks: Uint8Array[] = [];

  async send(bytes: Uint8Array): Promise<void> {
    if (this.blocks.length % 10 === 0) await sleep(35);
    this.blocks.push(bytes);
  }

  async close(): Promise<void> {}
  abort(): void {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

test("an hour of sound is an hour of samples, and each change comes at its sample", () =>
  virtually(async () => {
    const tape = new Tape();
    const player = new Player(new Synthesizer());
    await taskGroup(async (group) => {
      const playing = group.spawn(() => player.playTo(tape));
      await sleep(1_234.5);
      player.change((synthesizer) => synthesizer.add("C4"));
      await sleep(500);
      player.change((synthesizer) => synthesizer.remove("C4"));
      await sleep(3_600_000 - 1_734.5);
      playing.cancel("the hour is over");
    });
    await player.flush(tape);
    const tune = Buffer.concat(tape.blocks);
    assert.equal(tune.length, 3_600 * SECOND);
    const samples = fromBytes(tune.subarray(0, 2 * SECOND));
    const first = tune.findIndex((byte) => byte !== 128);
    assert.ok(Math.abs(first - 1.2345 * SECOND) < 8, `it begins at sample ${first}`);
    const sounding = samples.subarray(1.2345 * SECOND, 1.7345 * SECOND);
    assert.ok(loudness(sounding, C4) > 0.7);
    assert.equal(Math.max(...samples.subarray(1.7345 * SECOND + 90).map(Math.abs)), 0);
  }));

/** Performs on virtual time; gives the sound, and what was complained about. */
async function performed(lines: readonly string[]): Promise<[Float64Array, string[]]> {
  const tape = new Tape();
  const problems: string[] = [];
  async function* read(): AsyncGenerator<string> {
    yield* lines;
  }
  await virtually(() => perform(read(), tape, (problem) => problems.push(problem)));
  return [fromBytes(Buffer.concat(tape.blocks)), problems];
}

const NOTES = ["C4", "E4", "G4", "A4", "A5"];

/** The notes that sound from one second to another. */
function sounding(samples: Float64Array, from: number, to: number): string[] {
  // What is left out at both ends: the fades, and a sample more.
  const part = samples.subarray(from * SECOND + 81, to * SECOND - 1);
  return NOTES.filter((note) => loudness(part, frequencyOf(note)) > 0.1);
}

test("the commands file is heard: the right notes at the right times, to the sample", async () => {
  const tune = readFileSync(join(ROOT, "examples/music/tune.txt"), "utf8");
  const [samples, problems] = await performed(tune.split("\n"));
  assert.deepEqual(problems, []);
  assert.equal(samples.length, 3.5 * SECOND);
  assert.deepEqual(sounding(samples, 0, 0.5), ["C4"]);
  assert.deepEqual(sounding(samples, 0.5, 1), ["C4", "G4"]);
  assert.deepEqual(sounding(samples, 1, 1.5), ["G4"]);
  assert.deepEqual(sounding(samples, 1.5, 2), ["C4", "E4", "G4"]);
  assert.deepEqual(sounding(samples, 2, 2.2), ["C4", "E4", "G4", "A5"]);
  assert.deepEqual(sounding(samples, 2.2, 2.5), ["C4", "E4", "G4"]);
  assert.deepEqual(sounding(samples, 2.5, 3), []);
  assert.deepEqual(sounding(samples, 3, 3.5), ["A4"]);
});

test("a note that two chords share sounds until the second has ended", async () => {
  const [samples] = await performed(["chord 1 C4 G4", "wait 0.5", "chord 1 C4"]);
  assert.deepEqual(sounding(samples, 0.5, 1), ["C4", "G4"]);
  assert.deepEqual(sounding(samples, 1, 1.5), ["C4"]);
  assert.equal(samples.length, 1.5 * SECOND);
});

test("quit ends what still sounds", async () => {
  const [samples] = await performed(["eval chord 60 C4; wait 0.25; quit", "chord 60 A4"]);
  assert.equal(samples.length, 0.25 * SECOND);
});

test("a wrong command is complained about, and the performance goes on", async () => {
  const [samples, problems] = await performed(["add H4", "chord x C4", "remove C4", "wait", "chord 0.5 A4"]);
  assert.deepEqual(problems, [
    'no note is called "H4": write C4, F#3 or Bb5',
    "expected a number of seconds, got x",
    "C4 was not added",
    "expected a number of seconds, got nothing",
  ]);
  assert.deepEqual(sounding(samples, 0, 0.5), ["A4"]);
});
