/** Buffered reading beside a model that has all the bytes in one string: any reads, any chunks, cancelled at any time. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, FrameError, isCancelled } from "coppice";
import { BufferedReader, IncompleteReadError } from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { connected } from "../support/noting-transport.ts";
import { virtually } from "../support/virtual.ts";

const MAX = 20;

type Read =
  | { readonly kind: "receive" | "exactly" | "peek"; readonly count: number }
  | { readonly kind: "until"; readonly delimiter: string }
  | { readonly kind: "line" | "all" };

/** A step of the peer, or of the reader; a read may be cancelled before the next chunk comes. */
type Step = { readonly chunk: string } | { readonly read: Read; readonly isCancelled: boolean };

const content = fc.string({ unit: fc.constantFrom("a", "b", "\r", "\n"), minLength: 1, maxLength: 12 });
const read: fc.Arbitrary<Read> = fc.oneof(
  fc.record({ kind: fc.constantFrom("receive", "exactly", "peek"), count: fc.integer({ min: 1, max: MAX + 1 }) }),
  fc.record({ kind: fc.constant("until" as const), delimiter: fc.constantFrom("a", "ab", "aab", "\r\n", "\nb") }),
  fc.record({ kind: fc.constantFrom("line" as const, "all" as const) }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  content.map((chunk) => ({ chunk })),
  fc.record({ read, isCancelled: fc.boolean() }),
);

/** What a read gives of `left`, the bytes that have not been read; `isWhole` where no more will come. Undefined: it has to wait. */
function expected(
  read: Read,
  left: string,
  isWhole: boolean,
): { readonly outcome: string; readonly used: number } | undefined {
  const tooMuch = { outcome: "too much", used: 0 };
  const taking = (end: number, outcome = left.slice(0, end)) => ({ outcome, used: end });
  const incomplete = { outcome: `incomplete ${left}`, used: left.length };
  switch (read.kind) {
    case "receive":
      return undefined;
    case "exactly":
      if (read.count > MAX) return tooMuch;
      if (left.length >= read.count) return taking(read.count);
      return isWhole ? incomplete : undefined;
    case "peek":
      if (read.count > MAX) return tooMuch;
      return left.length >= read.count || isWhole ? { outcome: left.slice(0, read.count), used: 0 } : undefined;
    case "until": {
      const end = left.indexOf(read.delimiter) + read.delimiter.length;
      if (left.includes(read.delimiter)) return end <= MAX ? taking(end) : tooMuch;
      if (left.length >= MAX) return tooMuch;
      return isWhole ? incomplete : undefined;
    }
    case "line": {
      const end = left.indexOf("\n") + 1;
      if (end > 0) return end <= MAX ? taking(end, left.slice(0, end).replace(/\r?\n$/, "")) : tooMuch;
      if (left.length >= MAX) return tooMuch;
      return isWhole ? taking(left.length, left === "" ? "undefined" : left) : undefined;
    }
    case "all":
      if (left.length > MAX) return tooMuch;
      return isWhole ? taking(left.length) : undefined;
  }
}

function start(reader: BufferedReader, read: Read): Promise<Uint8Array | string | undefined> {
  switch (read.kind) {
    case "receive":
      return reader.receive(read.count);
    case "exactly":
      return reader.readExactly(read.count);
    case "peek":
      return reader.peek(read.count);
    case "until":
      return reader.readUntil(read.delimiter);
    case "line":
      return reader.readLine();
    case "all":
      return reader.readAll();
  }
}

async function outcomeOf(reading: Promise<Uint8Array | string | undefined>): Promise<string> {
  try {
    const value = await reading;
    return value === undefined || typeof value === "string" ? String(value) : Buffer.from(value).toString();
  } catch (error) {
    if (isCancelled(error)) return "cancelled";
    if (error instanceof FrameError) return "too much";
    if (error instanceof IncompleteReadError) return `incomplete ${Buffer.from(error.partial)}`;
    throw error;
  }
}

test("whatever is read in whatever order, the bytes come once, in order, and no limit is passed", () =>
  virtually(() =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { stream } = connected();
        const reader = new BufferedReader(stream, { maxBufferedBytes: MAX });
        /** What the peer has still to send, and what has been sent and not been read. */
        const toSend = steps.flatMap((step) => ("chunk" in step ? [step.chunk] : []));
        let left = "";
        let isWhole = false;
        const sendNext = (): void => {
          const chunk = toSend.shift();
          if (chunk === undefined) {
            if (!isWhole) stream.eofReceived();
            isWhole = true;
          } else {
            stream.dataReceived(Buffer.from(chunk));
            left += chunk;
          }
        };
        for (const step of steps) {
          if ("chunk" in step) continue;
          const { read } = step;
          await cancelScope(async (scope) => {
            const reading = outcomeOf(start(reader, read));
            let found = expected(read, left, isWhole);
            const isReceive = read.kind === "receive";
            if (step.isCancelled && found === undefined && !(isReceive && (left !== "" || isWhole))) {
              // Some of it comes, and then the cancellation.
              sendNext();
              await waitAllTasksBlocked();
              found = expected(read, left, isWhole);
              if (found === undefined && !isReceive) {
                scope.cancel();
                assert.equal(await reading, "cancelled");
                return;
              }
            }
            if (isReceive) {
              if (left === "" && !isWhole) sendNext();
              const got = await reading;
              if (left === "") assert.equal(got, "undefined");
              else assert.ok(got.length >= 1 && got.length <= read.count && left.startsWith(got), got);
              left = left.slice(left === "" ? 0 : got.length);
              return;
            }
            for (; found === undefined; found = expected(read, left, isWhole)) sendNext();
            assert.equal(await reading, found.outcome);
            left = left.slice(found.used);
          });
          assert.ok(reader.bufferedBytes <= MAX + 1);
        }
        while (!isWhole) sendNext();
        let rest = "";
        for await (const bytes of reader) rest += Buffer.from(bytes);
        assert.equal(rest, left);
      }),
      { numRuns: 500 },
    ),
  ));
