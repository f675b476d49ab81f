/**
 * Every wait that somebody else ends, as one table: what holds for all of them is tested for each.
 * (`sleep` is ended by the clock and joining a task by the task; their tests stand beside this table's.)
 */

import { abortable, type CancelScope, cancelScope, Event, fromCallback, openFeed, until } from "coppice";
import { lockstepOneWayPair, memoryOneWayPair } from "coppice/testing";
import { ConnectionLimit } from "../../src/net/connection-limit.ts";
import { StreamListener } from "../../src/net/stream-listener.ts";
import { channelWaits } from "./channel-waits.ts";
import { combinatorWaits } from "./combinator-waits.ts";
import { loopWaits } from "./loop-waits.ts";
import { datagramSocket } from "./noting-datagrams.ts";
import { connected, NotingTransport } from "./noting-transport.ts";
import { outcomeWaits } from "./outcome-waits.ts";
import { processWaits } from "./process-waits.ts";
import { readerWaits } from "./reader-waits.ts";
import { syncWaits } from "./sync-waits.ts";
import type { Wait } from "./wait.ts";

export const waits: readonly Wait[] = [
  {
    name: "event.wait",
    open: () => {
      const event = new Event();
      return { wait: () => event.wait(), wake: () => event.set(), value: undefined, end: () => {} };
    },
  },
  ...channelWaits,
  ...combinatorWaits,
  ...syncWaits,
  ...loopWaits,
  ...outcomeWaits,
  ...readerWaits,
  ...processWaits,
  {
    name: "until",
    open: () => {
      const { promise, resolve } = Promise.withResolvers<string>();
      return { wait: () => until(promise), wake: () => resolve("value"), value: "value", end: () => {} };
    },
  },
  {
    name: "abortable",
    open: () => {
      let result = Promise.withResolvers<string>();
      return {
        wait: () =>
          abortable((signal) => {
            signal.addEventListener("abort", () => {
              result.reject(signal.reason);
              result = Promise.withResolvers();
            });
            return result.promise;
          }),
        wake: () => result.resolve("value"),
        value: "value",
        end: () => {},
      };
    },
  },
  {
    name: "fromCallback",
    open: () => {
      let isReady = false;
      let call: () => void = () => {};
      return {
        wait: () =>
          fromCallback<string>((done) => {
            call = () => done(null, "value");
            if (isReady) call();
            return () => {
              call = () => {};
            };
          }),
        wake: () => {
          isReady = true;
          call();
        },
        value: "value",
        end: () => {},
      };
    },
  },
  {
    name: "feed.receive",
    open: () => {
      let push: (value: string) => void = () => {};
      const feed = openFeed<string>(
        (inlet) => {
          push = inlet.push.bind(inlet);
        },
        { capacity: 1 },
      );
      return { wait: () => feed.receive(), wake: () => push("value"), value: "value", end: () => feed.close() };
    },
  },
  {
    name: "scope.whenStopping",
    open: () => {
      const over = new Event();
      let scope!: CancelScope;
      void cancelScope((opened) => {
        scope = opened;
        return over.wait();
      });
      return {
        wait: () => scope.whenStopping(),
        wake: () => scope.stop({ graceMs: Infinity }),
        value: undefined,
        end: () => over.set(),
      };
    },
  },
  {
    name: "stream.receive",
    open: () => {
      const { stream } = connected();
      const bytes = Uint8Array.of(1, 2, 3);
      return { wait: () => stream.receive(), wake: () => stream.dataReceived(bytes), value: bytes, end: () => {} };
    },
  },
  {
    name: "stream.send while the transport is full",
    open: () => {
      const { stream, transport } = connected();
      stream.pauseWriting();
      return {
        wait: () => stream.send(Uint8Array.of(1)),
        wake: () => stream.resumeWriting(),
        value: undefined,
        effects: () => transport.calls.length,
        end: () => {},
      };
    },
  },
  {
    name: "stream.close",
    open: () => {
      const { stream } = connected();
      return {
        wait: () => stream.close(),
        wake: () => stream.connectionLost(undefined),
        value: undefined,
        end: () => {},
      };
    },
  },
  {
    name: "receive of a memory stream for tests",
    open: () => {
      const [sender, receiver] = memoryOneWayPair();
      return {
        // What comes is a copy.
        wait: () => receiver.receive().then((bytes) => bytes?.length),
        wake: () => void sender.send(Uint8Array.of(1, 2, 3)),
        value: 3,
        end: () => {},
      };
    },
  },
  {
    name: "send in lockstep",
    open: () => {
      const [sender, receiver] = lockstepOneWayPair();
      let effects = 0;
      const count = (bytes: Uint8Array | undefined): void => {
        if (bytes !== undefined) effects++;
      };
      return {
        wait: () => sender.send(Uint8Array.of(1)),
        wake: () => void receiver.receive().then(count, () => {}),
        value: undefined,
        effects: () => effects,
        end: () => receiver.abort(),
      };
    },
  },
  {
    name: "listener.accept",
    open: () => {
      const listener = new StreamListener();
      const stream = listener.accepted();
      return {
        wait: () => listener.accept(),
        wake: () => stream.connectionMade(new NotingTransport()),
        value: stream,
        end: () => {},
      };
    },
  },
  {
    name: "datagram socket.receive",
    open: () => {
      const { socket } = datagramSocket();
      const bytes = Uint8Array.of(1, 2, 3);
      const from = { host: "there", port: 2 };
      return {
        wait: async () => (await socket.receive()).bytes,
        wake: () => socket.datagramReceived(bytes, from),
        value: bytes,
        end: () => {},
      };
    },
  },
  {
    name: "datagram socket.send while the transport is full",
    open: () => {
      const { socket, transport } = datagramSocket();
      socket.pauseWriting();
      return {
        wait: () => socket.send(Uint8Array.of(1), { host: "127.0.0.1", port: 2 }),
        wake: () => socket.resumeWriting(),
        value: undefined,
        effects: () => transport.calls.length,
        end: () => {},
      };
    },
  },
  {
    name: "datagram socket.close",
    open: () => {
      const { socket } = datagramSocket();
      return {
        wait: () => socket.close(),
        wake: () => socket.connectionLost(undefined),
        value: undefined,
        end: () => {},
      };
    },
  },
  {
    name: "a server's wait for room",
    open: () => {
      const limit = new ConnectionLimit(1);
      limit.begin();
      return { wait: () => limit.room(), wake: () => limit.end(), value: undefined, end: () => {} };
    },
  },
];
