import {
  expectBytes,
  expectEof,
  expectError,
  joined,
  pattern,
  readExactly,
  readToEnd,
  together,
  turns,
} from "../expect.ts";
import { describe, finding } from "../finding.ts";
import type { Rule } from "./rule.ts";

const SIZES = [1, 2, 3, 100, 1_000, 65_536, 1, 100_003, 7];

export const dataRules: readonly Rule[] = [
  {
    rule: "what is sent is received, all of it and in order",
    check: async ({ a, b }) => {
      const total = SIZES.reduce((sum, size) => sum + size, 0);
      const sending = async (): Promise<void> => {
        let at = 0;
        for (const size of SIZES) {
          await a.send(pattern(size, at));
          at += size;
        }
      };
      const [bytes] = await together(readExactly(b, total, Infinity), sending());
      expectBytes(bytes, pattern(total), `what ${b.name} received`);
    },
  },
  {
    rule: "receive(maxBytes) gives at least one byte and at most that many, and what is left comes next",
    check: async ({ a, b }) => {
      const count = 3_000;
      const receiving = async (): Promise<Uint8Array> => {
        const chunks: Uint8Array[] = [];
        for (let left = count, most = 1; left > 0; most = (most * 2) % 701 || 1) {
          const chunk = await b.receive(Math.min(most, left));
          if (chunk === undefined) return finding(`end-of-file where ${left} bytes were still to come`);
          chunks.push(chunk);
          left -= chunk.length;
        }
        return joined(chunks);
      };
      const [bytes] = await together(receiving(), a.send(pattern(count)));
      expectBytes(bytes, pattern(count), `what ${b.name} received`);
    },
  },
  {
    rule: "a maxBytes that is no whole number of at least 1 is a RangeError and takes nothing",
    check: async ({ a, b }) => {
      const sending = a.send(pattern(10));
      await together(sending, turns(2).then(refusing).then(reading));
      async function refusing(): Promise<void> {
        for (const maxBytes of [0, -1, 1.5, Number.NaN, Infinity]) {
          await expectError(b.receive(maxBytes), RangeError, `receive(${maxBytes})`);
        }
      }
      async function reading(): Promise<void> {
        expectBytes(await readExactly(b, 10), pattern(10), "what was received after the refusals");
      }
    },
  },
  {
    rule: "what was received belongs to the receiver: changing it changes nothing that the sender holds or that comes later",
    check: async ({ a, b }) => {
      const held = pattern(100).slice();
      for (let round = 0; round < 3; round++) {
        const [bytes] = await together(readWithoutCopying(), a.send(held));
        expectBytes(joined(bytes), pattern(100), `what ${b.name} received in round ${round + 1}`);
        for (const chunk of bytes) chunk.fill(0);
        expectBytes(held, pattern(100), "the bytes that the sender holds, after the receiver changed its own");
      }
      async function readWithoutCopying(): Promise<Uint8Array[]> {
        const chunks: Uint8Array[] = [];
        for (let left = 100; left > 0; left -= chunks.at(-1)?.length ?? left) {
          const chunk = await b.receive(left);
          if (chunk === undefined) return finding(`end-of-file where ${left} bytes were still to come`);
          chunks.push(chunk);
        }
        return chunks;
      }
    },
  },
  {
    rule: "sending nothing is legal, and the receiver hears nothing of it",
    check: async ({ a, b }) => {
      await a.send(new Uint8Array(0));
      const sending = async (): Promise<void> => {
        await a.send(new Uint8Array(0));
        await a.send(pattern(1));
        await a.send(new Uint8Array(0));
        await a.send(pattern(1, 1));
      };
      const [bytes] = await together(readExactly(b, 2), sending());
      expectBytes(bytes, pattern(2), `what ${b.name} received`);
    },
  },
  {
    rule: "close flushes what was sent before",
    check: async ({ a, b }) => {
      const count = 300_000;
      const sending = async (): Promise<void> => {
        await a.send(pattern(count));
        await a.close();
      };
      const [bytes] = await together(
        turns(3).then(() => readToEnd(b)),
        sending(),
      );
      expectBytes(bytes, pattern(count), `what ${b.name} received`);
    },
  },
  {
    rule: "end-of-file comes after all that was sent, and at every receive from then on",
    check: async ({ a, b }) => {
      const sending = async (): Promise<void> => {
        await a.send(pattern(10));
        await a.close();
      };
      const receiving = async (): Promise<void> => {
        // Let the sender get as far as it can.
        await turns(5);
        expectBytes(await readExactly(b, 10), pattern(10), `what ${b.name} received`);
        await expectEof(b, "after the last byte");
        await expectEof(b, "after end-of-file");
        await expectEof(b, "after end-of-file", 1);
        const step = await b.iterate().next();
        if (step !== undefined) finding(`iterating after end-of-file gave ${describe(step)}`);
      };
      await together(receiving(), sending());
    },
  },
  {
    rule: "iterating gives what was sent up to end-of-file, and leaving an iteration closes nothing",
    check: async ({ a, b }) => {
      const receiving = async (): Promise<Uint8Array> => {
        const chunks: Uint8Array[] = [];
        for (;;) {
          const iteration = b.iterate();
          const chunk = await iteration.next();
          if (chunk === undefined) return joined(chunks);
          chunks.push(chunk);
          await iteration.leave();
        }
      };
      const sending = async (): Promise<void> => {
        for (let at = 0; at < 500; at += 50) {
          await a.send(pattern(50, at));
          await turns(1);
        }
        await a.close();
      };
      const [bytes] = await together(receiving(), sending());
      expectBytes(bytes, pattern(500), `what iterating over ${b.name} gave`);
    },
  },
];
