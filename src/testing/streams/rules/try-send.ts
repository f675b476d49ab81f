/** `trySend`: all or nothing, now. */
import { assertNoCheckpoints } from "../../checkpoints.ts";
import { CHUNK_BYTES, clog } from "../clog.ts";
import { expectBytes, joined, pattern, readToEnd, sendUntilBroken, together } from "../expect.ts";
import { finding } from "../finding.ts";
import type { Rule } from "./rule.ts";

export const trySendRules: readonly Rule[] = [
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
