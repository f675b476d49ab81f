/** Looking at sound: how loud one frequency is in a stretch of samples, and how far they jump. */

/** Unsigned bytes as numbers from -1 to 1. */
export function fromBytes(bytes: Uint8Array): Float64Array {
  return Float64Array.from(bytes, (byte) => (byte - 128) / 127);
}

/** How loud `hertz` is in the samples: 1 for a sine wave of full height. Goertzel's algorithm, with a Hann window against leakage. */
export function loudnessOf(samples: Float64Array, hertz: number, samplesPerSecond: number): number {
  const turn = (2 * Math.PI * hertz) / samplesPerSecond;
  const coefficient = 2 * Math.cos(turn);
  let [last, beforeLast] = [0, 0];
  let weights = 0;
  for (const [index, sample] of samples.entries()) {
    const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / (samples.length - 1));
    weights += weight;
    [last, beforeLast] = [weight * sample + coefficient * last - beforeLast, last];
  }
  const power = last ** 2 + beforeLast ** 2 - coefficient * last * beforeLast;
  return (2 * Math.sqrt(Math.max(power, 0))) / weights;
}

/** The widest step from a sample to the next. */
export function widestStep(samples: Float64Array): number {
  let widest = 0;
  for (let index = 1; index < samples.length; index++) {
    widest = Math.max(widest, Math.abs((samples[index] as number) - (samples[index - 1] as number)));
  }
  return widest;
}
