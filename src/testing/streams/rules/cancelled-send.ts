/** What a cancellation makes of sending: all or nothing. */
import { cancelScope, moveOnAfter, shield } from "../../../kernel/scopes.ts";
import { CHUNK_BYTES, clog, fillUp } from "../clog.ts";
import { quiet } from "../end.ts";
import { expectBytes, joined, pattern, readExactly, readToEnd, together, transfer } from "../expect.ts";
import { finding } from "../finding.ts";
import { attempt, moments } from "../moments.ts";
import { expectCancelled } from "./cancelled-receive.ts";
import type { Rule } from "./rule.ts";

/** Bytes that are nowhere in a `pattern`. */
const NEVER: Uint8Array = new Uint8Array(10).fill(255);

export const cancelledSendRules: readonly Rule[] = [
  {
    rule: "a send in a scope that is cancelled already throws the cancellation and sends nothing",
    check: async ({ a, b }) => {
      await cancelScope(async (scope) => {
        scope.cancel();
        await expectCancelled(a.send(NEVER), scope, "send in a cancelled scope");
        await expectCancelled(a.send(new Uint8Array(0)), scope, "send of no bytes in a cancelled scope");
      });
      await transfer(a, b, pattern(10));
    },
  },
  {
    rule: "a send whose deadline has passed throws the cancellation and sends nothing",
    check: async ({ a, b }) => {
      await moveOnAfter(0, async (scope) => await expectCancelled(a.send(NEVER), scope, "send after its deadline"));
      await transfer(a, b, pattern(10));
    },
  },
  {
    rule: "a send that is cancelled while it waits throws the cancellation and has sent nothing",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const sent = await fillUp(a);
      for (let round = 0; round < 3; round++) {
        await cancelScope(async (scope) => {
          const sending = a.send(NEVER);
          scope.cancel();
          await expectCancelled(sending, scope, "a send that was cancelled while it waited");
        });
      }
      const ending = async (): Promise<void> => {
        await a.send(pattern(10, sent));
        await a.close();
      };
      const [bytes] = await together(readToEnd(b), ending());
      expectBytes(bytes, pattern(sent + 10), `what ${b.name} received`);
    },
  },
  {
    rule: "a send that is cancelled at whatever moment has sent all of its bytes, or throws and has sent none",
    check: async ({ a, b }) => {
      for (const moment of moments) {
        const attempting = attempt(moment, () => a.send(pattern(100)));
        // What marks the end: bytes that the pattern has not.
        const marking = attempting.then(() => a.send(NEVER));
        const reading = async (): Promise<Uint8Array> => {
          const start = await readExactly(b, NEVER.length);
          return (await attempting) === undefined ? start : joined([start, await readExactly(b, 100)]);
        };
        const [sent, bytes] = await together(attempting, reading(), marking);
        const title = `what was received, where a send was cancelled ${moment.name} and ${sent === undefined ? "threw" : "returned"}`;
        expectBytes(bytes, sent === undefined ? NEVER : joined([pattern(100), NEVER]), title);
      }
    },
  },
  {
    rule: "a send that waits and is cancelled at whatever moment has sent all of its bytes, or throws and has sent none",
    needsBlocking: true,
    check: async ({ a, b }) => {
      let sent = 0;
      let received = 0;
      for (const moment of moments) {
        sent += await fillUp(a, sent);
        const attempting = attempt(moment, () => a.send(pattern(CHUNK_BYTES, sent)));
        const reading = cancelScope(async (scope) => {
          void quiet(attempting.finally(() => scope.cancel("the send has ended")));
          for (;;) {
            const bytes = (await b.receive(10_000)) ?? finding("end-of-file, where none was sent");
            expectBytes(bytes, pattern(bytes.length, received), `what ${b.name} received from byte ${received} on`);
            received += bytes.length;
          }
        });
        const [attempted] = await together(attempting, reading);
        if (attempted !== undefined) sent += CHUNK_BYTES;
        if (received > sent) finding(`bytes of a send were received that was cancelled ${moment.name} and threw`);
      }
      const [bytes] = await together(readToEnd(b), a.close());
      expectBytes(bytes, pattern(sent - received, received), `what ${b.name} received at last`);
    },
  },
  {
    rule: "a shielded send goes on waiting when the scope around it is cancelled",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const sent = await fillUp(a);
      await cancelScope(async (scope) => {
        const sending = shield(async () => {
          await a.send(pattern(10, sent));
          await a.close();
        });
        scope.cancel();
        const [bytes] = await together(
          shield(() => readToEnd(b)),
          sending,
        );
        expectBytes(bytes, pattern(sent + 10), `what ${b.name} received`);
      });
    },
  },
  {
    rule: "a send that waits throws the cancellation of an outer scope, and inner scopes let it pass",
    needsBlocking: true,
    check: async ({ a }) => {
      await fillUp(a);
      await cancelScope(async (outer) => {
        const inside = cancelScope(async () => {
          await expectCancelled(a.send(NEVER), outer, "send, two scopes inside of the cancelled one");
        });
        outer.cancel();
        await inside;
      });
    },
  },
  {
    rule: "a sender is made to wait while nobody receives, and goes on when somebody does",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const { sent, waiting } = await clog(a);
      const ending = async (): Promise<void> => {
        await waiting;
        await a.send(pattern(300_000, sent + CHUNK_BYTES));
        await a.close();
      };
      const [bytes] = await together(readToEnd(b), ending());
      expectBytes(bytes, pattern(sent + CHUNK_BYTES + 300_000), `what ${b.name} received`);
    },
  },
];
