/** Streams that break what holds of both directions together, and of half close. */
import { BrokenError, ClosedError, checkpoint, shield, until } from "coppice";
import type { Broken } from "./broken.ts";

export const twoWay: readonly Broken[] = [
  {
    name: "does not receive while it sends",
    change: (stream) => {
      let sending = Promise.resolve();
      return {
        send: (bytes) => {
          const sent = stream.send(bytes);
          sending = sent.catch(() => {});
          return sent;
        },
        receive: async (maxBytes) => {
          await until(sending);
          return await stream.receive(maxBytes);
        },
      };
    },
    rule: /while a sender waits, bytes still come the other way|bytes go both ways at once/,
    seen: /nothing more happened/,
  },
];

export const halfClose: readonly Broken[] = [
  {
    name: "closes both directions at sendEof",
    change: (stream) => ({ sendEof: () => stream.close() }),
    rule: /after sendEof the other side receives all that was sent and then end-of-file, and can still send/,
    seen: /receive\(\) at the first end failed with ClosedError/,
  },
  {
    name: "fails at the second sendEof",
    change: (stream) => {
      let hasEnded = false;
      return {
        sendEof: async () => {
          if (hasEnded) throw new ClosedError("ended");
          await stream.sendEof();
          hasEnded = true;
        },
      };
    },
    rule: /sendEof twice is once/,
  },
  {
    name: "sends its end though it is cancelled",
    change: (stream) => ({
      sendEof: async () => {
        await shield(() => stream.sendEof());
        await checkpoint();
      },
    }),
    rule: /sendEof in a scope that is cancelled already throws the cancellation and has no effect/,
    seen: /failed with ClosedError/,
  },
  {
    name: "says that it has sent what it has not",
    change: () => ({ trySend: () => true }),
    rule: /sendEof twice is once, and sending after it is a ClosedError/,
    seen: /trySend after sendEof said that it has sent/,
  },
  {
    name: "sends, and says that it has not",
    change: (stream) => ({ trySend: (bytes) => stream.trySend(bytes) && false }),
    rule: /trySend sends all and says so, or sends nothing and says that/,
  },
  {
    name: "lets sendEof wait for the send that waits",
    change: (stream) => {
      let sending = Promise.resolve();
      return {
        send: (bytes) => {
          const sent = stream.send(bytes);
          sending = sent.catch(() => {});
          return sent;
        },
        sendEof: async () => {
          await until(sending);
          await stream.sendEof();
        },
      };
    },
    rule: /sendEof while a send waits is a BusyError, and the send is not disturbed/,
    seen: /nothing more happened within 10000 ms; .*sendEof\(\) at the first end/,
  },
  {
    name: "says that its end was told, on a connection that is lost",
    change: (stream) => ({
      sendEof: () =>
        stream.sendEof().catch((error) => {
          if (!(error instanceof BrokenError)) throw error;
        }),
    }),
    rule: /sendEof on a lost connection is a BrokenError/,
    seen: /sendEof on a lost connection gave undefined, where BrokenError was expected/,
  },
  {
    name: "receives no more after its own sendEof",
    change: (stream) => {
      let hasEnded = false;
      return {
        sendEof: async () => {
          await stream.sendEof();
          hasEnded = true;
        },
        receive: async (maxBytes) => (hasEnded ? undefined : await stream.receive(maxBytes)),
      };
    },
    rule: /after sendEof the other side receives all that was sent and then end-of-file, and can still send/,
    seen: /what the first end received after its own sendEof: 0 bytes came, and 100000 were sent/,
  },
];
