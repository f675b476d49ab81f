/**
 * What a timer costs that is armed and then not needed: the life of nearly every timeout.
 *
 * A call that returns at once is given a minute. It is reached through a variable, so that V8 cannot fold it away.
 */

import { cancelScope, currentLoop, moveOnAfter, run, withTimeout } from "coppice";
import { Effect } from "effect";
import * as effection from "effection";
import { type Contender, type Effort, measureInProcesses } from "./harness.ts";
import { compare, type Section, samplesOf, summarize } from "./report.ts";

const minute = 60_000;

async function returnsAtOnce(): Promise<number> {
  return 1;
}

const works: readonly (() => Promise<number>)[] = [returnsAtOnce];
const work = works[0] as () => Promise<number>;

export const contenders: readonly Contender[] = [
  { name: "setTimeout, clearTimeout", run: rawTimers },
  { name: "race with a timer, cleared after", run: rawRaces },
  { name: "AbortController, timer and listener", run: rawAborts },
  { name: "coppice, a deadline set and lifted", run: coppiceDeadlines },
  { name: "coppice, withTimeout", run: (count) => coppiceCalls(count, () => withTimeout(minute, work)) },
  { name: "coppice, moveOnAfter", run: (count) => coppiceCalls(count, () => moveOnAfter(minute, work)) },
  { name: "effect, timeout", run: (count) => effectTimeouts(Effect.promise(work), count) },
  { name: "effect, timeout, no promise", run: (count) => effectTimeouts(Effect.sync(one), count) },
  { name: "effection, race with sleep", run: effectionRaces },
];

export async function benchTimers(effort: Effort): Promise<Section> {
  const samples = await measureInProcesses(new URL(import.meta.url), effort);
  const of = (name: string) => samplesOf(samples, name);
  const timeout = of("coppice, withTimeout");
  return {
    title: "A timer armed and cancelled",
    notes: [
      "A minute is given to an async call that returns at once, one call after the other; the first row and `a deadline set and lifted` are the timer alone.",
      "By hand: Promise.race with a timer that is cleared after; or a signal that the call could hear, with its listener removed after.",
      "Effect: `timeout`. Effection has no timeout: `race` with `sleep`. (`AbortSignal.timeout` cannot be taken back: its timer stays for the minute.)",
    ],
    absolutes: samples.map((each) => summarize(each, "ns")),
    comparisons: [
      compare(
        "coppice, a deadline set and lifted / setTimeout, clearTimeout",
        of("coppice, a deadline set and lifted"),
        of("setTimeout, clearTimeout"),
      ),
      compare("coppice, withTimeout / race with a timer", timeout, of("race with a timer, cleared after")),
      compare("coppice, withTimeout / AbortController", timeout, of("AbortController, timer and listener")),
      compare("effect, timeout / coppice, withTimeout", of("effect, timeout"), timeout),
      compare("effect, timeout, no promise / coppice, withTimeout", of("effect, timeout, no promise"), timeout),
      compare("effection, race with sleep / coppice, withTimeout", of("effection, race with sleep"), timeout),
    ],
  };
}

async function rawTimers(count: number): Promise<void> {
  for (let index = 0; index < count; index++) clearTimeout(setTimeout(one, minute));
}

async function rawRaces(count: number): Promise<number> {
  let sum = 0;
  for (let index = 0; index < count; index++) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("timed out")), minute);
    });
    try {
      sum += await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
  return sum;
}

async function rawAborts(count: number): Promise<number> {
  let sum = 0;
  for (let index = 0; index < count; index++) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), minute);
    const listener = () => {};
    controller.signal.addEventListener("abort", listener);
    try {
      sum += await work();
    } finally {
      controller.signal.removeEventListener("abort", listener);
      clearTimeout(timer);
    }
  }
  return sum;
}

async function coppiceDeadlines(count: number): Promise<void> {
  await run(() =>
    cancelScope(async (scope) => {
      for (let index = 0; index < count; index++) {
        scope.deadline = currentLoop().time() + minute;
        scope.deadline = Infinity;
      }
    }),
  );
}

async function coppiceCalls(count: number, call: () => Promise<number | undefined>): Promise<number> {
  return await run(async () => {
    let sum = 0;
    for (let index = 0; index < count; index++) sum += (await call()) ?? 0;
    return sum;
  });
}

async function effectTimeouts(call: Effect.Effect<number>, count: number): Promise<number> {
  const timed = Effect.timeout(call, minute);
  return await Effect.runPromise(
    Effect.gen(function* () {
      let sum = 0;
      for (let index = 0; index < count; index++) sum += yield* timed;
      return sum;
    }),
  );
}

async function effectionRaces(count: number): Promise<number> {
  return await effection.run(function* () {
    let sum = 0;
    for (let index = 0; index < count; index++) {
      sum += (yield* effection.race([effection.call(work), effection.sleep(minute)])) ?? 0;
    }
    return sum;
  });
}

function one(): number {
  return 1;
}
