/**
 * What a channel message costs: two tasks that answer each other, so that every
 * message is waited for.
 */

import { channel, run, taskGroup } from "coppice";
import { Effect, Fiber, Queue } from "effect";
import * as effection from "effection";
import { type Contender, type Effort, measureInProcesses } from "./harness.ts";
import { compare, type Section, samplesOf, summarize } from "./report.ts";

/** An unbounded queue of promises, as anybody would write it by hand. */
class PromiseQueue<T> {
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  async putAsync(item: T): Promise<void> {
    this.put(item);
  }

  take(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift() as T);
    return new Promise((resolve) => {
      this.#takers.push(resolve);
    });
  }

  async takeAsync(): Promise<T> {
    if (this.#items.length > 0) return this.#items.shift() as T;
    return await new Promise((resolve) => {
      this.#takers.push(resolve);
    });
  }
}

export const contenders: readonly Contender[] = [
  { name: "queue of promises, no async function", run: rawPingPong },
  { name: "queue of promises, async take", run: rawAsyncTakePingPong },
  { name: "queue of promises, async put and take", run: rawAsyncPingPong },
  { name: "coppice, capacity 0", run: (count) => coppicePingPong(count, 0) },
  { name: "coppice, capacity 1", run: (count) => coppicePingPong(count, 1) },
  { name: "effect, unbounded queue", run: effectPingPong },
  { name: "effection, queue", run: effectionPingPong },
];

export async function benchChannels(effort: Effort): Promise<Section> {
  const samples = await measureInProcesses(new URL(import.meta.url), effort);
  const of = (name: string) => samplesOf(samples, name);
  const coppice = of("coppice, capacity 0");
  return {
    title: "A channel message, ping-pong",
    notes: [
      "Two tasks and two queues; each message is waited for before the next goes out. Figures are for one message one way.",
      "The queue written by hand is unbounded and cannot be cancelled or closed; the headline is against its fastest form.",
    ],
    absolutes: samples.map((each) => summarize(each, "ns")),
    comparisons: [
      compare("coppice, capacity 0 / queue, no async function", coppice, of("queue of promises, no async function"), {
        kind: "at most",
        limit: 2.5,
      }),
      compare("coppice, capacity 0 / queue, async take", coppice, of("queue of promises, async take")),
      compare("coppice, capacity 0 / queue, async put and take", coppice, of("queue of promises, async put and take")),
      compare("effect / coppice, capacity 0", of("effect, unbounded queue"), coppice),
      compare("effection / coppice, capacity 0", of("effection, queue"), coppice),
    ],
  };
}

async function rawPingPong(count: number): Promise<void> {
  const [there, back] = [new PromiseQueue<number>(), new PromiseQueue<number>()];
  const trips = count / 2;
  const ping = async () => {
    for (let index = 0; index < trips; index++) {
      there.put(index);
      await back.take();
    }
  };
  const pong = async () => {
    for (let index = 0; index < trips; index++) back.put(await there.take());
  };
  await Promise.all([ping(), pong()]);
}

async function rawAsyncTakePingPong(count: number): Promise<void> {
  const [there, back] = [new PromiseQueue<number>(), new PromiseQueue<number>()];
  const trips = count / 2;
  const ping = async () => {
    for (let index = 0; index < trips; index++) {
      there.put(index);
      await back.takeAsync();
    }
  };
  const pong = async () => {
    for (let index = 0; index < trips; index++) back.put(await there.takeAsync());
  };
  await Promise.all([ping(), pong()]);
}

async function rawAsyncPingPong(count: number): Promise<void> {
  const [there, back] = [new PromiseQueue<number>(), new PromiseQueue<number>()];
  const trips = count / 2;
  const ping = async () => {
    for (let index = 0; index < trips; index++) {
      await there.putAsync(index);
      await back.takeAsync();
    }
  };
  const pong = async () => {
    for (let index = 0; index < trips; index++) await back.putAsync(await there.takeAsync());
  };
  await Promise.all([ping(), pong()]);
}

async function coppicePingPong(count: number, capacity: number): Promise<void> {
  const trips = count / 2;
  await run(() =>
    taskGroup(async (group) => {
      const [pingSender, pingReceiver] = channel<number>(capacity);
      const [pongSender, pongReceiver] = channel<number>(capacity);
      const ping = group.spawn(async () => {
        for (let index = 0; index < trips; index++) {
          await pingSender.send(index);
          await pongReceiver.receive();
        }
      });
      const pong = group.spawn(async () => {
        for (let index = 0; index < trips; index++) await pongSender.send(await pingReceiver.receive());
      });
      await ping;
      await pong;
    }),
  );
}

async function effectPingPong(count: number): Promise<void> {
  const trips = count / 2;
  await Effect.runPromise(
    Effect.gen(function* () {
      const there = yield* Queue.unbounded<number>();
      const back = yield* Queue.unbounded<number>();
      const ping = yield* Effect.forkChild(
        Effect.gen(function* () {
          for (let index = 0; index < trips; index++) {
            yield* Queue.offer(there, index);
            yield* Queue.take(back);
          }
        }),
      );
      const pong = yield* Effect.forkChild(
        Effect.gen(function* () {
          for (let index = 0; index < trips; index++) yield* Queue.offer(back, yield* Queue.take(there));
        }),
      );
      yield* Fiber.join(ping);
      yield* Fiber.join(pong);
    }),
  );
}

async function effectionPingPong(count: number): Promise<void> {
  const trips = count / 2;
  await effection.run(function* () {
    const there = effection.createQueue<number, never>();
    const back = effection.createQueue<number, never>();
    const ping = yield* effection.spawn(function* () {
      for (let index = 0; index < trips; index++) {
        there.add(index);
        yield* back.next();
      }
    });
    const pong = yield* effection.spawn(function* () {
      for (let index = 0; index < trips; index++) back.add((yield* there.next()).value);
    });
    yield* ping;
    yield* pong;
  });
}
