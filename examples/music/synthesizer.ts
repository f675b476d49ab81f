/**
 * Sound as numbers: sine waves for the notes that are held, mixed into unsigned bytes, 8,000 a second.
 *
 *   silent --add--> rising --> held --remove--> falling --> silent
 *
 * Nothing jumps: a note fades in and out, and when their number changes, the loudness of all moves to its new value, both within a
 * few milliseconds. So there are no clicks, and the sum of all notes stays within 0.8 of what a byte can say.
 */
import { frequencyOf } from "./notes.ts";

export const SAMPLES_PER_SECOND = 8_000;
const AMPLITUDE = 0.8;
const FADE_SAMPLES = 80;
const SILENCE = 128;
const LOUDEST = 127;

interface Voice {
  readonly note: string;
  /** Of a whole wave, for each sample. */
  readonly step: number;
  /** From 0 to 1, as part of a wave: it goes on from where it is, so time adds no error. */
  phase: number;
  /** From 0 to 1. */
  level: number;
  /** Who wants it to sound; it falls when nobody does. */
  readonly holders: Set<unknown>;
}

export class Synthesizer {
  readonly #voices: Voice[] = [];

  /** The notes that are held, in the order in which they came. */
  get notes(): string[] {
    return this.#voices.filter(({ holders }) => holders.size > 0).map(({ note }) => note);
  }

  /**
   * Lets a note sound until it is removed. It may have several holders, and sounds until the last of them has removed it.
   *
   * @throws RangeError if there is no such note.
   */
  add(note: string, holder?: unknown): void {
    const hertz = frequencyOf(note);
    if (hertz > SAMPLES_PER_SECOND / 2) {
      throw new RangeError(
        `${note} has ${Math.round(hertz)} Hz: at ${SAMPLES_PER_SECOND} samples a second half of that is the highest`,
      );
    }
    let voice = this.#voices.find((each) => each.note === note);
    if (voice === undefined) {
      voice = { note, step: hertz / SAMPLES_PER_SECOND, phase: 0, level: 0, holders: new Set() };
      this.#voices.push(voice);
    }
    voice.holders.add(holder);
  }

  /** Ends a note, and says whether this holder held it. */
  remove(note: string, holder?: unknown): boolean {
    return this.#voices.find((each) => each.note === note)?.holders.delete(holder) ?? false;
  }

  /** The next samples. */
  render(count: number): Uint8Array {
    const samples = new Uint8Array(count);
    for (let index = 0; index < count; index++) samples[index] = SILENCE + Math.round(LOUDEST * this.#next());
    return samples;
  }

  #next(): number {
    let sum = 0;
    let levels = 0;
    for (let index = 0; index < this.#voices.length; index++) {
      const voice = this.#voices[index] as Voice;
      voice.level = toward(voice.level, voice.holders.size > 0 ? 1 : 0);
      voice.phase = (voice.phase + voice.step) % 1;
      sum += voice.level * Math.sin(2 * Math.PI * voice.phase);
      levels += voice.level;
      if (voice.level === 0 && voice.holders.size === 0) this.#voices.splice(index--, 1);
    }
    // The levels move in small steps, so this does too, and the sum never exceeds the amplitude.
    return levels === 0 ? 0 : (AMPLITUDE * sum) / Math.max(1, levels);
  }
}

function toward(level: number, goal: number): number {
  const step = 1 / FADE_SAMPLES;
  return level < goal ? Math.min(goal, level + step) : Math.max(goal, level - step);
}
