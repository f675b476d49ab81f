/** How the two directions of a stream go together. The rules of each direction are checked both ways besides. */
import { BrokenError, ClosedError } from "../../../kernel/errors.ts";
import { CHUNK_BYTES, clog } from "../clog.ts";
import type { End } from "../end.ts";
import {
  expectBytes,
  expectEof,
  expectError,
  outcome,
  pattern,
  readExactly,
  readToAnyEnd,
  sendUntilBroken,
  together,
  transfer,
} from "../expect.ts";
import { describe, finding } from "../finding.ts";
import type { Rule } from "./rule.ts";

const MEGABYTE = 1024 * 1024;

export const twoWayRules: readonly Rule[] = [
  {
    rule: "bytes go both ways at once, more than any buffer holds, and all arrive in order",
    check: async ({ a, b }) => {
      await together(pour(a, b, 31_013), pour(b, a, 100_003));
    },
  },
  {
    rule: "one end may receive and send at the same time: neither is in the other's way",
    check: async ({ a, b }) => {
      const receiving = a.receive();
      await transfer(a, b, pattern(100));
      await b.send(pattern(1));
      expectBytes((await receiving) ?? new Uint8Array(0), pattern(1), `what ${a.name} received`);
    },
  },
  {
    rule: "while a sender waits, bytes still come the other way",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const { sent, waiting } = await clog(a);
      await transfer(b, a, pattern(1_000));
      const [bytes] = await together(readExactly(b, sent + CHUNK_BYTES), waiting);
      expectBytes(bytes, pattern(sent + CHUNK_BYTES), `what ${b.name} received`);
    },
  },
  {
    rule: "close ends both directions: here both are a ClosedError, and the other side reads end-of-file",
    check: async ({ a, b }) => {
      const receiving = a.receive();
      const reading = expectEof(b, "after the other side has closed");
      const closing = a.close();
      await expectError(receiving, ClosedError, "a receive that waited when its stream was closed");
      await together(reading, closing);
      await expectError(a.receive(), ClosedError, "receive after close");
      await expectError(a.send(pattern(1)), ClosedError, "send after close");
      await sendUntilBroken(b, "to a side that has closed");
      await b.close();
    },
  },
  {
    rule: "abort ends both directions: here both are a ClosedError, and at the other side sending becomes a BrokenError",
    check: async ({ a, b }) => {
      const receiving = a.receive();
      const reading = readToAnyEnd(b);
      a.abort();
      await expectError(receiving, ClosedError, "a receive that waited when its stream was aborted");
      await expectError(a.send(pattern(1)), ClosedError, "send after abort");
      await reading;
      await sendUntilBroken(b, "to a side that has aborted");
      await b.close();
    },
  },
  {
    rule: "abort gives a waiting sender and a waiting receiver ClosedError, both",
    needsBlocking: true,
    check: async ({ a }) => {
      const receiving = a.receive();
      const { waiting } = await clog(a);
      a.abort();
      await expectError(waiting, ClosedError, "a send that waited when its stream was aborted");
      await expectError(receiving, ClosedError, "a receive that waited when its stream was aborted");
    },
  },
  {
    rule: "both sides may close at the same time",
    check: async ({ a, b }) => {
      await transfer(a, b, pattern(10));
      await transfer(b, a, pattern(10));
      await together(a.close(), b.close());
    },
  },
  {
    rule: "what was sent before the other side's failure was seen is received or lost, and never ends in another error than BrokenError",
    check: async ({ a, b }) => {
      const sending = outcome(b.send(pattern(1_000)));
      const reading = readToAnyEnd(a);
      b.abort();
      const { error } = await sending;
      if (error !== undefined && !(error instanceof ClosedError) && !(error instanceof BrokenError)) {
        finding(`a send that waited when its stream was aborted failed with ${describe(error)}`, error);
      }
      const { bytes } = await reading;
      expectBytes(bytes, pattern(bytes.length), `what ${a.name} received`);
    },
  },
];

/** Sends a megabyte in pieces of `size`, and receives it at the other end in pieces of another size. */
async function pour(from: End, to: End, size: number): Promise<void> {
  const sending = async (): Promise<void> => {
    for (let at = 0; at < MEGABYTE; at += size) await from.send(pattern(Math.min(size, MEGABYTE - at), at));
  };
  const [bytes] = await together(readExactly(to, MEGABYTE, 70_001), sending());
  expectBytes(bytes, pattern(MEGABYTE), `what ${to.name} received`);
}
