/** `sendEof` and `trySend`. */
import { BrokenError, BusyError, ClosedError } from "../../../kernel/errors.ts";
import { cancelScope, shield } from "../../../kernel/scopes.ts";
import { assertCheckpoints, assertNoCheckpoints } from "../../checkpoints.ts";
import { CHUNK_BYTES, clog } from "../clog.ts";
import type { End } from "../end.ts";
import {
  expectBytes,
  expectEof,
  expectError,
  joined,
  pattern,
  readToAnyEnd,
  readToEnd,
  sendUntilBroken,
  together,
  transfer,
} from "../expect.ts";
import { finding } from "../finding.ts";
import { expectCancelled } from "./cancelled-receive.ts";
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
    rule: "sendEof in a scope that is cancelled already throws the cancellation and has no effect",
    check: async ({ a, b }) => {
      await cancelScope(async (outer) => {
        outer.cancel();
        await expectCancelled(a.sendEof(), outer, "sendEof in a cancelled scope");
        await cancelScope(async () => {
          await expectCancelled(a.sendEof(), outer, "sendEof in a scope inside of the cancelled one");
        });
      });
      await transfer(a, b, pattern(10));
      await together(expectEof(b, "after sendEof at the other side"), a.sendEof());
    },
  },
  {
    rule: "a shielded sendEof works in a scope that is cancelled",
    check: async ({ a, b }) => {
      const ending = cancelScope(async (scope) => {
        scope.cancel();
        await shield(() => a.sendEof());
      });
      await together(expectEof(b, "after sendEof at the other side"), ending);
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
  {
    rule: "trySend sends all and says so, or sends nothing and says that; it is no checkpoint",
    check: async ({ a, b }) => {
      const sent: Uint8Array[] = [];
      const sending = async (): Promise<void> => {
        for (let at = 0; at < 20; at++) {
          const bytes = pattern(1_000, at);
          const isSent = await assertNoCheckpoints(function trySend() {
            return a.trySend(bytes);
          });
          if (!isSent) await a.send(bytes);
          sent.push(bytes);
        }
        await a.sendEof();
      };
      const [bytes] = await together(readToEnd(b), sending());
      expectBytes(bytes, joined(sent), `what ${b.name} received`);
    },
  },
  {
    rule: "trySend says false, and sends nothing, while a send waits",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const { sent, waiting } = await clog(a);
      if (a.trySend(pattern(1))) finding("trySend while a send waits said that it has sent");
      const ending = async (): Promise<void> => {
        await waiting;
        await a.sendEof();
      };
      const [bytes] = await together(readToEnd(b), ending());
      expectBytes(bytes, pattern(sent + CHUNK_BYTES), `what ${b.name} received`);
    },
  },
  {
    rule: "trySend says false on a stream that is closed or lost",
    check: async ({ a, b }) => {
      b.abort();
      if (b.trySend(pattern(1))) finding("trySend after abort said that it has sent");
      await sendUntilBroken(a, "to a side that has aborted");
      if (a.trySend(pattern(1))) finding("trySend on a lost connection said that it has sent");
      await a.close();
      if (a.trySend(pattern(1))) finding("trySend after close said that it has sent");
    },
  },
];

async function sendAndEnd(end: End, bytes: Uint8Array): Promise<void> {
  await end.send(bytes);
  await end.sendEof();
}
