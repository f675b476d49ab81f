/** The waits of channels, broadcasts, watches and queues, for the table in `waits.ts`. */
import { broadcast, channel, PriorityQueue, Queue, watch } from "coppice";
import type { OpenWait, Wait } from "./wait.ts";

const nothing = (): void => {};

export const channelWaits: readonly Wait[] = [
  { name: "sender.send on a rendezvous channel", open: () => openSend(0) },
  { name: "sender.send on a full channel of capacity 1", open: () => openSend(1) },
  { name: "receiver.receive on a rendezvous channel", open: () => openReceive(0) },
  { name: "receiver.receive on a channel of capacity 1", open: () => openReceive(1) },
  { name: "receiver.receive on an unbounded channel", open: () => openReceive(Infinity) },
  {
    name: "next() of a receiver's iterator",
    open: () => {
      const receive = openReceive(Infinity);
      return { ...receive, wait: async () => (await receive.iterator.next()).value };
    },
  },
  {
    name: "receive of a subscription",
    open: () => {
      const [sender, source] = broadcast<string>(4);
      const subscription = source.subscribe();
      return {
        wait: () => subscription.receive(),
        wake: () => sender.send("value"),
        value: "value",
        end: nothing,
      };
    },
  },
  {
    name: "changed of a watch",
    open: () => {
      const [sender, receiver] = watch("initial");
      return { wait: () => receiver.changed(), wake: () => sender.send("value"), value: "value", end: nothing };
    },
  },
  {
    name: "queue.get",
    open: () => {
      const queue = new Queue<string>();
      return {
        wait: () => queue.get(),
        wake: () => {
          queue.tryPut("value");
        },
        value: "value",
        end: nothing,
      };
    },
  },
  { name: "queue.put into a full queue", open: () => openPut(new Queue(1)) },
  {
    name: "queue.put into a full priority queue",
    open: () => openPut(new PriorityQueue({ maxSize: 1, compare: () => 0 })),
  },
  {
    name: "queue.join",
    open: () => {
      const queue = new Queue<string>();
      queue.tryPut("value");
      return {
        wait: () => queue.join(),
        wake: () => {
          if (queue.unfinished > 0) queue.taskDone();
        },
        value: undefined,
        end: nothing,
      };
    },
  },
];

function openSend(capacity: number): OpenWait {
  const [sender, receiver] = channel<string>(capacity);
  let received = 0;
  for (let filled = 0; filled < capacity; filled++) sender.trySend("earlier");
  return {
    wait: () => sender.send("value"),
    wake: () => {
      for (let taken = 0; taken <= capacity; taken++) {
        receiver.receive().then((value) => {
          if (value === "value") received++;
        }, nothing);
      }
    },
    value: undefined,
    effects: () => received,
    end: () => {
      sender.close();
      receiver.close();
    },
  };
}

function openReceive(capacity: number): OpenWait & { readonly iterator: AsyncIterator<string, undefined> } {
  const [sender, receiver] = channel<string>(capacity);
  return {
    iterator: receiver[Symbol.asyncIterator](),
    wait: () => receiver.receive(),
    wake: () => {
      sender.send("value").catch(nothing);
    },
    value: "value",
    end: () => {
      sender.close();
      receiver.close();
    },
  };
}

function openPut(queue: Queue<string>): OpenWait {
  let got = 0;
  queue.tryPut("earlier");
  return {
    wait: () => queue.put("value"),
    wake: () => {
      for (let taken = 0; taken < 2; taken++) {
        queue.get().then((value) => {
          if (value === "value") got++;
        }, nothing);
      }
    },
    value: undefined,
    effects: () => got,
    end: () => {
      queue.shutdown();
    },
  };
}
