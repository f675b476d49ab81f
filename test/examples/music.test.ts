/** The parts of the music example: notes, the synthesizer, the player's clock, and commands. */
import assert from "node:assert/strict";
import test from "node:test";
import { moveOnAfter, sleep, taskGroup } from "coppice";
import { frequencyOf } from "../../examples/music/notes.ts";
import { Player } from "../../examples/music/player.ts";
import { SAMPLES_PER_SECOND, Synthesizer } from "../../examples/music/synthesizer.ts";
import { type Command, obey } from "../../examples/terminal/commands.ts";
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

async function obeyAll(lines: readonly string[], commands: Record<string, Command>): Promise<[boolean, string[]]> {
  const problems: string[] = [];
  const hasQuit = await obey(
    (async function* () {
      yield* lines;
    })(),
    commands,
    (problem) => problems.push(problem),
  );
  return [hasQuit, problems];
}

test("commands are carried out in order, those of an eval as well; quit ends, and the rest is not read", async () => {
  const seen: string[] = [];
  const say: Command = (args) => seen.push(args.join("+"));
  const lines = ["say a b", "", "# say nothing", "  say   c ", "eval say d; say e;; eval say f", "quit", "say g"];
  assert.deepEqual(await obeyAll(lines, { say }), [true, []]);
  assert.deepEqual(seen, ["a+b", "c", "d", "e", "f"]);
});

test("a command waits for the one before", () =>
  virtually(async () => {
    const seen: string[] = [];
    const nap: Command = async ([name = ""]) => {
      await sleep(100);
      seen.push(name);
    };
    assert.deepEqual(await obeyAll(["nap 1", "eval nap 2; quit; nap 3"], { nap }), [true, []]);
    assert.deepEqual(seen, ["1", "2"]);
  }));

test("what is wrong with a command is said, and the next one is read; other failures are not hidden", async () => {
  const commands: Record<string, Command> = {
    note: ([name = ""]) => frequencyOf(name),
    fail: () => {
      throw new TypeError("a bug");
    },
  };
  const [hasQuit, problems] = await obeyAll(["tone A4", "note X9", "toString"], commands);
  assert.equal(hasQuit, false);
  assert.match(
    problems.join("\n"),
    /^no command is called tone: there are note, fail, eval, quit\nno note.*"X9".*\nno command is called toString/,
  );
  await assert.rejects(obeyAll(["fail"], commands), /a bug/);
});

test("a cancelled command is not taken for a wrong one", () =>
  virtually(async () => {
    const outcome = await moveOnAfter(50, () => obeyAll(["nap"], { nap: () => sleep(100) }));
    assert.equal(outcome, undefined);
  }));
