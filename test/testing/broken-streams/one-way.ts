/** Streams that break what holds of each direction. */
import { BrokenError, ClosedError, checkpoint, shield, sleepForever, until } from "coppice";
import { type Broken, mistaken, serial } from "./broken.ts";

/** What the ends of one pair share that should not. */
const held: Uint8Array[] = [];

export const oneWay: readonly Broken[] = [
  {
    name: "loses the bytes of a receive that is cancelled when they have come",
    change: (stream) => ({
      receive: async (maxBytes) => {
        const chunk = await stream.receive(maxBytes);
        await checkpoint();
        return chunk;
      },
    }),
    rule: /a receive that is cancelled at whatever moment either has its bytes or has taken none/,
  },
  {
    name: "receives on though it is cancelled",
    change: (stream) => ({ receive: (maxBytes) => shield(() => stream.receive(maxBytes)) }),
    rule: /a receive in a scope that is cancelled already throws the cancellation and takes nothing/,
    seen: /gave 10 bytes, where the cancellation was expected/,
  },
  {
    name: "gives end-of-file once",
    change: (stream) => {
      let isOver = false;
      return {
        receive: async (maxBytes) => {
          if (isOver) return await sleepForever();
          const chunk = await stream.receive(maxBytes);
          isOver = chunk === undefined;
          return chunk;
        },
      };
    },
    rule: /end-of-file comes after all that was sent, and at every receive from then on/,
    seen: /nothing more happened within 10000 ms; receive\(\) at the receiving end \(call \d+\) has not settled/,
  },
  {
    name: "gives an empty chunk at the end",
    change: (stream) => ({ receive: async (maxBytes) => (await stream.receive(maxBytes)) ?? new Uint8Array(0) }),
    rule: /close flushes what was sent before/,
    seen: /gave an empty chunk, which is neither bytes nor end-of-file/,
  },
  {
    name: "closes once, and fails the second time",
    change: (stream) => {
      let isClosed = false;
      return {
        close: async () => {
          if (isClosed) throw new Error("it is closed already");
          isClosed = true;
          await stream.close();
        },
      };
    },
    rule: /closing and aborting again does nothing/,
    seen: /close\(\) at the sending end failed with Error: it is closed already/,
  },
  {
    name: "lets a second receiver wait",
    change: (stream) => ({ receive: serial((maxBytes?: number) => stream.receive(maxBytes)) }),
    rule: /a second receiver is a BusyError, and the first is not disturbed/,
    seen: /nothing more happened within 10000 ms; receive\(5\) at .* \(call 1\), receive\(5\) at .* \(call 2\) has not settled/,
  },
  {
    name: "lets a second sender wait",
    change: (stream) => ({ send: serial((bytes: Uint8Array) => stream.send(bytes)) }),
    rule: /a second sender is a BusyError while the first waits/,
    seen: /nothing more happened/,
  },
  {
    name: "ignores maxBytes",
    change: (stream) => ({
      receive: (maxBytes) => (Number.isInteger(maxBytes) ? stream.receive() : stream.receive(maxBytes)),
    }),
    rule: /receive\(maxBytes\) gives at least one byte and at most that many/,
    seen: /receive\(1\) at the receiving end gave 3000 bytes, more than asked for/,
  },
  {
    name: "takes any maxBytes",
    change: (stream) => ({ receive: (maxBytes = 1) => stream.receive(Math.max(1, Math.trunc(maxBytes) || 1)) }),
    rule: /a maxBytes that is no whole number of at least 1 is a RangeError/,
    seen: /receive\(0\) at the receiving end gave 1 byte, more than asked for/,
  },
  {
    name: "is broken where it is closed",
    change: (stream) => ({ receive: (maxBytes) => stream.receive(maxBytes).catch(mistaken(ClosedError, BrokenError)) }),
    rule: /after its own close, send and receive are a ClosedError/,
    seen: /receive at the receiving end after close failed with BrokenError: .*, where ClosedError was expected/,
  },
  {
    name: "is closed where it is broken",
    change: (stream) => ({ send: (bytes) => stream.send(bytes).catch(mistaken(BrokenError, ClosedError)) }),
    rule: /sending to a side that has closed becomes a BrokenError, and stays one/,
    seen: /failed with ClosedError: .*, where BrokenError was expected/,
  },
  {
    name: "takes a send of no bytes for the end",
    change: (stream) => ({ send: (bytes) => (bytes.length === 0 ? stream.sendEof() : stream.send(bytes)) }),
    rule: /sending nothing is legal, and the receiver hears nothing of it/,
    seen: /send\(1 byte\) at the sending end failed with ClosedError/,
  },
  {
    name: "drops what was not flushed",
    change: (stream) => ({
      close: async () => {
        stream.abort();
      },
    }),
    rule: /close flushes what was sent before/,
  },
  {
    name: "sends the second half first",
    change: (stream) => ({
      send: (bytes) => {
        const half = bytes.length >> 1;
        return stream.send(Buffer.concat([bytes.subarray(half), bytes.subarray(0, half)]));
      },
    }),
    rule: /what is sent is received, all of it and in order/,
    seen: /byte \d+ is \d+, and \d+ was sent \(lost, repeated or out of order\)/,
  },
  {
    name: "sends a byte too many",
    change: (stream) => ({ send: (bytes) => stream.send(Buffer.concat([bytes.subarray(0, 1), bytes])) }),
    rule: /what is sent is received, all of it and in order/,
  },
  {
    name: "hands over the sender's own bytes",
    change: (stream) => ({
      send: (bytes) => {
        held.push(bytes);
        return stream.send(bytes);
      },
      receive: async (maxBytes) => {
        const chunk = await stream.receive(maxBytes);
        return held.find((bytes) => chunk !== undefined && Buffer.compare(bytes, chunk) === 0) ?? chunk;
      },
    }),
    rule: /what was received belongs to the receiver/,
    seen: /the bytes that the sender holds, after the receiver changed its own: byte 1 is 0/,
  },
  {
    name: "sends in two steps, of which the second may be cancelled",
    change: (stream) => ({
      send: async (bytes) => {
        await stream.send(bytes.subarray(0, 7));
        await stream.send(bytes.subarray(7));
      },
    }),
    rule: /a send that is cancelled at whatever moment has sent all of its bytes, or throws and has sent none/,
    seen: /where a send was cancelled .* and threw/,
  },
  {
    name: "takes without bound",
    change: (stream) => {
      let isOver = false;
      const sendLater = serial(async (bytes: Uint8Array) => {
        if (!isOver) await stream.send(bytes);
      });
      let last = Promise.resolve();
      return {
        send: async (bytes) => {
          await checkpoint();
          last = sendLater(bytes).catch(() => {
            isOver = true;
          });
        },
        close: async () => {
          await last;
          await stream.close();
        },
      };
    },
    rule: /a second sender is a BusyError while the first waits/,
    seen: /took 6\d+ bytes that nobody received \(check a stream .* \{ neverBlocks: true \}\)/,
  },
  {
    name: "leaves its receiver waiting when it is closed",
    change: (stream) => {
      let isClosed = false;
      return {
        receive: async (maxBytes) => {
          const wasClosed = isClosed;
          try {
            return await stream.receive(maxBytes);
          } catch (error) {
            if (error instanceof ClosedError && !wasClosed) await sleepForever();
            throw error;
          }
        },
        close: () => {
          isClosed = true;
          return stream.close();
        },
        abort: () => {
          isClosed = true;
          stream.abort();
        },
      };
    },
    rule: /close gives a waiting receiver ClosedError/,
    seen: /nothing more happened within 10000 ms; receive\(\) at the receiving end/,
  },
  {
    name: "ends an iteration when it is closed, as if all had come",
    change: (stream) => ({
      async *[Symbol.asyncIterator]() {
        try {
          yield* stream;
        } catch (error) {
          if (!(error instanceof ClosedError)) throw error;
        }
      },
    }),
    rule: /after its own close, send and receive are a ClosedError/,
    seen: /iterating over the receiving end after close gave undefined/,
  },
  {
    name: "closes when an iteration is left",
    change: (stream) => ({
      async *[Symbol.asyncIterator]() {
        try {
          yield* stream;
        } finally {
          await stream.close();
        }
      },
    }),
    rule: /leaving an iteration closes nothing/,
    seen: /ClosedError/,
  },
  {
    name: "does not close in a scope that is cancelled",
    change: (stream) => ({
      close: async () => {
        await checkpoint();
        await stream.close();
      },
    }),
    rule: /close closes also in a scope that is cancelled already/,
  },
  {
    name: "goes on flushing when its close is cancelled",
    change: (stream) => ({ close: () => shield(() => stream.close()) }),
    rule: /a close that is cancelled while it flushes drops the rest and ends the stream/,
    seen: /nothing more happened within 10000 ms; close\(\)/,
  },
  {
    name: "does nothing when aborted",
    change: () => ({ abort: () => {} }),
    rule: /after its own abort, send and receive are a ClosedError/,
  },
  {
    name: "throws when aborted",
    change: (stream) => ({
      abort: () => {
        stream.abort();
        throw new Error("aborted");
      },
    }),
    rule: /after its own abort/,
    seen: /abort\(\) at the sending end threw Error: aborted/,
  },
  {
    name: "sends without a checkpoint",
    change: (stream) => ({
      send: (bytes) => (stream.trySend(bytes) ? Promise.resolve() : stream.send(bytes)),
    }),
    rule: /send and receive are checkpoints, also where they need not wait/,
    seen: /expected a checkpoint, and send\(\) executed none/,
  },
  {
    name: "throws where it should reject",
    change: (stream) => ({
      receive: (maxBytes) => {
        if (maxBytes === 0) throw new RangeError("0 bytes");
        return stream.receive(maxBytes);
      },
    }),
    rule: /a maxBytes that is no whole number/,
    seen: /receive\(0\) at the receiving end threw RangeError: 0 bytes, where it should give a promise/,
  },
  {
    name: "leaves a rejection of its own to nobody",
    change: (stream) => ({
      close: () => {
        void Promise.reject(new Error("nobody's"));
        return stream.close();
      },
    }),
    rule: /a stream leaves no rejection of its own unhandled/,
    seen: /Error: nobody's/,
  },
  {
    name: "sends on though it is cancelled",
    change: (stream) => ({ send: (bytes) => shield(() => stream.send(bytes)) }),
    rule: /a send in a scope that is cancelled already throws the cancellation and sends nothing/,
    seen: /send in a cancelled scope gave undefined, where the cancellation was expected/,
  },
  {
    name: "abandons a send that is cancelled, and sends it all the same",
    change: (stream) => ({
      send: async (bytes) => {
        await checkpoint();
        await until(shield(() => stream.send(bytes)));
      },
    }),
    rule: /a send that is cancelled while it waits throws the cancellation and has sent nothing/,
  },
  {
    name: "is broken for one send only",
    change: (stream) => {
      let isBroken = false;
      return {
        send: async (bytes) => {
          const wasBroken = isBroken;
          await stream.send(bytes).catch((error) => {
            isBroken = error instanceof BrokenError;
            if (!wasBroken || !isBroken) throw error;
          });
        },
      };
    },
    rule: /sending to a side that has closed becomes a BrokenError, and stays one/,
    seen: /a further send to a side that has closed gave undefined, where BrokenError was expected/,
  },
  {
    name: "tells nobody that it was aborted",
    change: (stream) => {
      let isAborted = false;
      const open = <T>(call: () => Promise<T>): Promise<T> =>
        isAborted ? Promise.reject(new ClosedError("aborted")) : call();
      return {
        abort: () => {
          isAborted = true;
        },
        receive: (maxBytes) => open(() => stream.receive(maxBytes)),
        send: (bytes) => open(() => stream.send(bytes)),
      };
    },
    rule: /abort gives a waiting receiver ClosedError/,
    seen: /nothing more happened/,
  },
];
