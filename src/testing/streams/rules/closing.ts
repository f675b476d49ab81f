/** Closing and aborting, as the side that does it sees it. */
import { ClosedError } from "../../../kernel/errors.ts";
import { clog } from "../clog.ts";
import type { End } from "../end.ts";
import { expectBytes, expectEof, expectError, pattern, readToEnd, together } from "../expect.ts";
import type { Rule } from "./rule.ts";

export const closingRules: readonly Rule[] = [
  {
    rule: "after its own close, send and receive are a ClosedError",
    check: async ({ a, b }) => {
      await a.close();
      await expectClosedSender(a, "after close");
      await b.close();
      await expectClosedReceiver(b, "after close");
    },
  },
  {
    rule: "after its own abort, send and receive are a ClosedError",
    check: async ({ a, b }) => {
      a.abort();
      await expectClosedSender(a, "after abort");
      b.abort();
      await expectClosedReceiver(b, "after abort");
    },
  },
  {
    rule: "closing and aborting again does nothing",
    check: async ({ a, b }) => {
      for (const end of [a, b]) {
        await end.close();
        await end.close();
        end.abort();
        end.abort();
        await end.close();
        await end.dispose();
      }
      await expectClosedSender(a, "after closing again and again");
      await expectClosedReceiver(b, "after closing again and again");
    },
  },
  {
    rule: "disposing of a stream closes it",
    check: async ({ a, b }) => {
      const sending = async (): Promise<void> => {
        await a.send(pattern(10));
        await a.dispose();
      };
      const [bytes] = await together(readToEnd(b), sending());
      expectBytes(bytes, pattern(10), `what ${b.name} received`);
      await expectClosedSender(a, "after disposing");
      await b.dispose();
      await expectClosedReceiver(b, "after disposing");
    },
  },
  {
    rule: "close gives a waiting receiver ClosedError",
    check: async ({ b }) => {
      const receiving = b.receive();
      const closing = b.close();
      await expectError(receiving, ClosedError, "a receive that waited when its stream was closed");
      await closing;
    },
  },
  {
    rule: "close gives a waiting iteration ClosedError: it does not look like the end of the data",
    check: async ({ b }) => {
      const step = b.iterate().next();
      const closing = b.close();
      await expectError(step, ClosedError, "an iteration that waited when its stream was closed");
      await closing;
    },
  },
  {
    rule: "abort gives a waiting receiver ClosedError",
    check: async ({ b }) => {
      const receiving = b.receive();
      b.abort();
      await expectError(receiving, ClosedError, "a receive that waited when its stream was aborted");
    },
  },
  {
    rule: "close gives a waiting sender ClosedError at once, and flushes what was sent before it",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const { sent, waiting } = await clog(a);
      const closing = a.close();
      await expectError(waiting, ClosedError, "a send that waited when its stream was closed");
      const [bytes] = await together(readToEnd(b), closing);
      expectBytes(bytes, pattern(sent), `what ${b.name} received`);
    },
  },
  {
    rule: "abort gives a waiting sender ClosedError",
    needsBlocking: true,
    check: async ({ a }) => {
      const { waiting } = await clog(a);
      a.abort();
      await expectError(waiting, ClosedError, "a send that waited when its stream was aborted");
    },
  },
  {
    rule: "closed on this side wins over end-of-file and over a failure of the other side",
    check: async ({ a, b }) => {
      await together(expectEof(b, "after close at the other side"), a.close());
      await b.close();
      await expectClosedReceiver(b, "after end-of-file and close");
    },
  },
];

export async function expectClosedSender(end: End, when: string): Promise<void> {
  await expectError(end.send(pattern(1)), ClosedError, `send at ${end.name} ${when}`);
  await expectError(end.send(new Uint8Array(0)), ClosedError, `send of no bytes at ${end.name} ${when}`);
}

export async function expectClosedReceiver(end: End, when: string): Promise<void> {
  await expectError(end.receive(), ClosedError, `receive at ${end.name} ${when}`);
  await expectError(end.iterate().next(), ClosedError, `iterating over ${end.name} ${when}`);
}
