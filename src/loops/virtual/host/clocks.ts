/** `Date` and `performance.now()` by the clock of a virtual run: `Date` begins at the same moment in every run. */
import type { Loop } from "../../../kernel/ports.ts";
import { inTheGuiseOf, type Replacement } from "./patches.ts";

/** What `Date.now()` is when a virtual clock shows 0: the beginning of the year 2000, UTC. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

/** Replacements that follow the clock of `loopHere()`, and the host's where that gives none. */
export function clockReplacements(loopHere: () => Loop | undefined): Replacement[] {
  const dateHere = (): number | undefined => {
    const loop = loopHere();
    return loop === undefined ? undefined : Math.trunc(EPOCH_MS + loop.time());
  };
  return [
    {
      target: performance,
      key: "now",
      make: (original) => inTheGuiseOf(original, () => loopHere()?.time() ?? Reflect.apply(original, performance, [])),
    },
    { target: Date, key: "now", make: (original) => inTheGuiseOf(original, () => dateHere() ?? original()) },
    {
      target: globalThis,
      key: "Date",
      make: (original) =>
        new Proxy(original, {
          construct(date, args, newTarget) {
            const now = args.length === 0 ? dateHere() : undefined;
            return Reflect.construct(date, now === undefined ? args : [now], newTarget);
          },
          apply(date, self, args) {
            const now = dateHere();
            return now === undefined ? Reflect.apply(date, self, args) : new Date(now).toString();
          },
        }),
    },
  ];
}
