/**
 * Sounds notes: 8,000 samples a second, 8-bit unsigned, mono, raw, on standard output.
 *
 *   npm run -s example -- music/tone C4 E4 G4 --seconds 2 | sox -t raw -r 8000 -e unsigned -b 8 -c 1 - chord.wav
 *
 * (Into `play`, or into sox with `-d` as the output, where the machine has a loudspeaker.) Without `--seconds` it goes on until Ctrl-C,
 * or until nobody listens any more.
 */
import { parseArgs } from "node:util";
import { BrokenError, currentScope, main, moveOnAfter, taskGroup } from "coppice";
import { stdout } from "coppice/process";
import { Player } from "./player.ts";
import { Synthesizer } from "./synthesizer.ts";

const { values, positionals: notes } = parseArgs({ allowPositionals: true, options: { seconds: { type: "string" } } });
const ms = values.seconds === undefined ? Number.POSITIVE_INFINITY : Number(values.seconds) * 1_000;
const synthesizer = new Synthesizer();
try {
  if (Number.isNaN(ms) || notes.length === 0) throw new RangeError("write notes, and perhaps --seconds NUMBER");
  for (const note of notes) synthesizer.add(note);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(2);
}

await main(async () => {
  const player = new Player(synthesizer);
  try {
    await taskGroup(async (group) => {
      const playing = group.spawn(() => player.playTo(stdout));
      await moveOnAfter(ms, () => currentScope().whenStopping());
      playing.cancel("enough");
    });
    await player.flush(stdout);
  } catch (error) {
    // Nobody listens any more.
    if (!(error instanceof BrokenError)) throw error;
  }
});
