/** The waits of the combinators, each around a receive, for the table in `waits.ts`. */
import {
  all,
  allSettled,
  any,
  asCompleted,
  channel,
  map,
  type Receiver,
  race,
  retry,
  Schedule,
  select,
  sleepForever,
} from "coppice";
import type { Wait } from "./wait.ts";

const around: Record<string, (receiver: Receiver<string>) => PromiseLike<unknown>> = {
  all: async (receiver) => (await all([() => receiver.receive()]))[0],
  allSettled: async (receiver) => {
    const [result] = await allSettled([() => receiver.receive()]);
    return result.status === "fulfilled" ? result.value : result.reason;
  },
  race: (receiver) => race([() => receiver.receive(), sleepForever]),
  any: (receiver) => any([() => receiver.receive(), sleepForever]),
  map: async (receiver) => (await map([0], () => receiver.receive()))[0],
  asCompleted: async (receiver) => {
    for await (const value of asCompleted([() => receiver.receive()])) return value;
    return undefined;
  },
  select: async (receiver) => (await select({ idle: sleepForever, value: () => receiver.receive() })).value,
  retry: (receiver) => retry(() => receiver.receive(), Schedule.fixed(1)),
};

export const combinatorWaits: readonly Wait[] = Object.entries(around).map(([name, wait]) => ({
  name: `${name} of a receive`,
  open: () => {
    const [sender, receiver] = channel<string>(1);
    return {
      wait: () => wait(receiver),
      wake: () => {
        sender.send("value").catch(() => {});
      },
      value: "value",
      end: () => {
        sender.close();
        receiver.close();
      },
    };
  },
}));
