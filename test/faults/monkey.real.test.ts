/** The monkey on real sockets, with what it does drawn by a seed; when things happen is the system's affair. */
import assert from "node:assert/strict";
import test from "node:test";
import { NodeLoop, SelectorLoop } from "coppice/loop";
import { seededRandom } from "../../src/loops/virtual/random.ts";
import { harmless } from "../support/faults-guard.ts";
import { faultKinds } from "../support/faults-kinds.ts";
import { monkey } from "./monkey.ts";

const SEEDS = 8;

class SeededNodeLoop extends NodeLoop {
  override random: () => number;

  constructor(seed: number) {
    super();
    this.random = seededRandom(seed);
  }
}

class SeededSelectorLoop extends SelectorLoop {
  override random: () => number;

  constructor(seed: number) {
    super();
    this.random = seededRandom(seed);
  }
}

for (const kind of faultKinds) {
  test(`${kind.name}: whatever the monkey does on real sockets, what must hold holds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      for (const loop of [new SeededNodeLoop(seed), new SeededSelectorLoop(seed)]) {
        const end = (): void => {
          if (loop instanceof SelectorLoop) loop.close();
        };
        try {
          await harmless(() => monkey(kind), { loop, end });
        } catch (error) {
          assert.fail(`seed ${seed} on ${loop.name}: ${error instanceof Error ? error.stack : String(error)}`);
        }
      }
    }
  });
}
