/**
 * How many programs a property tries. Two variables of the environment change it:
 *
 *   COPPICE_PROGRAMS=100   a hundred times as many, for hours instead of seconds
 *   COPPICE_SEED=12345     the seed that a failure printed, to see it again (with COPPICE_PATH, its path: the shrunk program at once)
 */
import type fc from "fast-check";

export function effort(numRuns: number): fc.Parameters<unknown> {
  const { COPPICE_PROGRAMS = "1", COPPICE_SEED, COPPICE_PATH } = process.env;
  return {
    // Large programs from the first one on: small ones are for shrinking.
    unbiased: true,
    numRuns: Math.ceil(numRuns * Number(COPPICE_PROGRAMS)),
    ...(COPPICE_SEED !== undefined && { seed: Number(COPPICE_SEED) }),
    ...(COPPICE_PATH !== undefined && { path: COPPICE_PATH }),
  };
}
