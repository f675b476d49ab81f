/** Notes by name: `C4`, `F#3`, `Bb5`. Equal temperament, upwards from C0 at 16.35 Hz. */

const LOWEST_HZ = 16.35;
/** Half tones above C. */
const STEPS: Readonly<Record<string, number>> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const SHIFTS: Readonly<Record<string, number>> = { "": 0, "#": 1, b: -1 };

/**
 * The frequency of a note, in hertz.
 *
 * @throws RangeError if that is no note, or one below C0.
 */
export function frequencyOf(note: string): number {
  const [, letter = "", shift = "", octave = ""] = /^([A-Ga-g])([#b]?)(\d)$/.exec(note) ?? [];
  const step = STEPS[letter.toUpperCase()];
  if (step === undefined) throw new RangeError(`no note is called ${JSON.stringify(note)}: write C4, F#3 or Bb5`);
  const halfTones = 12 * Number(octave) + step + (SHIFTS[shift] as number);
  if (halfTones < 0) throw new RangeError(`${note} is below C0, the lowest note there is`);
  return LOWEST_HZ * 2 ** (halfTones / 12);
}
