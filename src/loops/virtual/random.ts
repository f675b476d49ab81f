/**
 * A small seeded generator (sfc32, Chris Doty-Humphrey's): the same seed gives the same run, on every machine.
 */
export function seededRandom(seed: number): () => number {
  let a = 0x9e3779b9;
  let b = seed >>> 0;
  let c = Math.floor(seed / 2 ** 32) >>> 0;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
}

/** A seed that is another one each time, short enough to be typed. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 1_000_000_000);
}
