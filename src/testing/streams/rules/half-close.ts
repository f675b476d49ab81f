/** `sendEof`: one direction ends, the other goes on. */
import { BrokenError, BusyError, ClosedError } from "../../../kernel/errors.ts";
import { assertCheckpoints } from "../../checkpoints.ts";
import { CHUNK_BYTES, clog } from "../clog.ts";
import type { End } from "../end.ts";
import {
  expectBytes,
  expectEof,
  expectError,
  pattern,
  readToAnyEnd,
  readToEnd,
  sendUntilBroken,
  together,
  transfer,
} from "../expect.ts";
import { finding } from "../finding.ts";
import type { Rule } from "./rule.ts";

export const halfCloseRules: readonly Rule[] = [
  {
    rule: "after sendEof the other side receives all that was sent and then end-of-file, and can still send",
    check: async ({ a, b }) => {
      const [question] = await together(readToEnd(b), sendAndEnd(a, pattern(1_000)));
      expectBytes(question, pattern(1_000), `what ${b.name} received`);
      await expectEof(b, "after end-of-file");
      const [answer] = await together(readToEnd(a), sendAndEnd(b, pattern(100_000)));
      expectBytes(answer, pattern(100_000), `what ${a.name} received after its own sendEof`);
    },
  },
  {
    rule: "a receive that waits is not disturbed by the sendEof of its own side",
    check: async ({ a, b }) => {
      const receiving = a.receive();
      await together(expectEof(b, "after sendEof at the other side"), a.sendEof());
      await b.send(pattern(1));
      expectBytes((await receiving) ?? new Uint8Array(0), pattern(1), `what ${a.name} received`);
    },
  },
  {
    rule: "sendEof twice is once, and sending after it is a ClosedError",
    check: async ({ a, b }) => {
      const ending = async (): Promise<void> => {
        await a.sendEof();
        await a.sendEof();
      };
      await together(expectEof(b, "after sendEof at the other side"), ending());
      await expectError(a.send(pattern(1)), ClosedError, "send after sendEof");
      if (a.trySend(pattern(1))) finding("trySend after sendEof said that it has sent");
      await expectEof(b, "after end-of-file");
      await transfer(b, a, pattern(10));
    },
  },
  {
    rule: "sendEof while a send waits is a BusyError, and the send is not disturbed",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const { sent, waiting } = await clog(a);
      await expectError(a.sendEof(), BusyError, "sendEof while a send waits");
      const ending = async (): Promise<void> => {
        await waiting;
        await a.sendEof();
      };
      const [bytes] = await together(readToEnd(b), ending());
      expectBytes(bytes, pattern(sent + CHUNK_BYTES), `what ${b.name} received`);
    },
  },
  {
    rule: "sendEof after close is a ClosedError, also if it was called before",
    check: async ({ a, b }) => {
      await together(expectEof(b, "after sendEof at the other side"), a.sendEof());
      await a.close();
      await expectError(a.sendEof(), ClosedError, "sendEof after sendEof and close");
      await b.close();
      await expectError(b.sendEof(), ClosedError, "sendEof after close");
    },
  },
  {
    rule: "sendEof on a lost connection is a BrokenError",
    check: async ({ a, b }) => {
      b.abort();
      await sendUntilBroken(a, "to a side that has aborted");
      await expectError(a.sendEof(), BrokenError, "sendEof on a lost connection");
    },
  },
  {
    rule: "sendEof is a checkpoint, also the second time",
    check: async ({ a, b }) => {
      const ending = async (): Promise<void> => {
        for (let time = 0; time < 2; time++) {
          await assertCheckpoints(function sendEof() {
            return a.stream.sendEof();
          });
        }
      };
      await together(expectEof(b, "after sendEof at the other side"), ending());
    },
  },
  {
    rule: "after sendEof at both ends, both are at end-of-file and close",
    check: async ({ a, b }) => {
      await together(readToEnd(a), readToEnd(b), sendAndEnd(a, pattern(10)), sendAndEnd(b, pattern(10)));
      await expectEof(a, "after sendEof at both ends");
      await together(a.close(), b.close());
    },
  },
  {
    rule: "abort after sendEof ends what still comes the other way",
    check: async ({ a, b }) => {
      await together(expectEof(b, "after sendEof at the other side"), a.sendEof());
      a.abort();
      await expectError(a.receive(), ClosedError, "receive after sendEof and abort");
      await sendUntilBroken(b, "to a side that has aborted");
      await readToAnyEnd(b);
    },
  },
];

async function sendAndEnd(end: End, bytes: Uint8Array): Promise<void> {
  await end.send(bytes);
  await end.sendEof();
}
