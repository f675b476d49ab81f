/** Drawing programs, so that fast-check can shrink those that fail. */
import fc from "fast-check";
import { type Child, compile, listing, type Step } from "./program.ts";

export interface Case {
  readonly program: Step;
  /** Of the loop: draws the order of what happens in the same moment. Without it all goes in the order of arrival. */
  readonly seed: number | undefined;
}

const MAX_DEPTH = 4;

type Drawn = fc.Arbitrary<Step>;
const id = fc.constant(0);

interface Durations {
  readonly ms: fc.Arbitrary<number>;
  readonly limitMs: fc.Arbitrary<number>;
}

/** The steps that `model.ts` can foretell. */
function structure({ ms, limitMs }: Durations, tie: fc.LetrecTypedTie<{ step: Step }>): fc.WeightedArbitrary<Step>[] {
  const which = fc.nat({ max: 99 });
  const body = tie("step");
  const child: fc.Arbitrary<Child> = fc.record({
    id,
    how: fc.constantFrom("spawn", "spawn", "spawn", "background", "start"),
    startMs: ms,
    body,
  });
  return [
    { weight: 2, arbitrary: fc.record({ id, kind: fc.constant("sleep"), ms }) as Drawn },
    { weight: 1, arbitrary: fc.record({ id, kind: fc.constant("throw"), ms }) as Drawn },
    {
      weight: 2,
      arbitrary: fc.record({
        id,
        kind: fc.constantFrom("cancel", "cancel task", "cancel all"),
        ms,
        which,
        thenMs: ms,
      }) as Drawn,
    },
    {
      weight: 1,
      arbitrary: fc.record({ id, kind: fc.constant("stop"), ms, which, graceMs: limitMs, thenMs: ms }) as Drawn,
    },
    {
      weight: 1,
      arbitrary: fc.record({ id, kind: fc.constant("deadline"), ms, which, inMs: limitMs, thenMs: ms }) as Drawn,
    },
    {
      weight: 1,
      arbitrary: fc.record({ id, kind: fc.constantFrom("join", "await stop"), ms, which, limitMs }) as Drawn,
    },
    {
      weight: 1,
      arbitrary: fc.record({
        id,
        kind: fc.constant("spawn"),
        ms,
        which,
        isBackground: fc.boolean(),
        child,
        thenMs: ms,
      }) as Drawn,
    },
    {
      weight: 5,
      arbitrary: fc.record({
        id,
        kind: fc.constant("sequence"),
        steps: fc.array(body, { minLength: 2, maxLength: 4, size: "max" }),
      }) as Drawn,
    },
    { weight: 1, arbitrary: fc.record({ id, kind: fc.constant("swallow"), body }) as Drawn },
    {
      weight: 2,
      arbitrary: fc.record({
        id,
        kind: fc.constant("cleanup"),
        ms,
        isShielded: fc.boolean(),
        throws: fc.nat({ max: 4 }).map((drawn) => drawn === 4),
        body,
      }) as Drawn,
    },
    {
      weight: 7,
      arbitrary: fc.record({
        id,
        kind: fc.constantFrom("cancelScope", "moveOnAfter", "withTimeout", "shield", "shield"),
        limitMs,
        body,
      }) as Drawn,
    },
    {
      weight: 4,
      arbitrary: fc.record({
        id,
        kind: fc.constantFrom("taskGroup", "taskGroup", "taskGroup", "supervisor"),
        children: fc.array(child, { minLength: 1, maxLength: 3, size: "max" }),
        body,
      }) as Drawn,
    },
  ];
}

function drawn(
  durations: Durations,
  longest: number,
  more: (body: Drawn) => fc.WeightedArbitrary<Step>[] = () => [],
): Drawn {
  const { step } = fc.letrec<{ step: Step }>((tie) => {
    const [first, ...others] = structure(durations, tie);
    return {
      step: fc.oneof(
        { maxDepth: MAX_DEPTH, depthSize: "max", withCrossShrink: true },
        first as fc.WeightedArbitrary<Step>,
        ...others,
        ...more(tie("step")),
      ),
    };
  });
  // Most go on after whatever happened to a step, so that the program does not end with its first error.
  const protectedStep = fc.oneof(
    { weight: 3, arbitrary: fc.record({ id, kind: fc.constant("swallow"), body: step }) as Drawn },
    { weight: 1, arbitrary: step },
  );
  const steps = fc.record({
    id,
    kind: fc.constant("sequence"),
    steps: fc.array(protectedStep, { minLength: 1, maxLength: longest, size: "max" }),
  }) as Drawn;
  // Several side by side: alone they have nobody to meet.
  return fc.record({
    id,
    kind: fc.constant("taskGroup"),
    children: fc.array(fc.record({ id, how: fc.constant("spawn"), startMs: fc.constant(0), body: steps }), {
      minLength: 1,
      maxLength: 5,
      size: "max",
    }),
    body: steps,
  }) as Drawn;
}

const seed = fc.option(fc.integer({ min: 0, max: 2 ** 31 }), { nil: undefined });

function cases(program: Drawn): fc.Arbitrary<Case> {
  return fc.record({ program, seed }).map((drawn) => readable({ program: compile(drawn.program), seed: drawn.seed }));
}

function readable(one: Case): Case {
  return Object.assign(one, {
    [fc.toStringMethod]: () => `loop seed ${one.seed ?? "none"}, program:\n${listing(one.program)}\n`,
  });
}

/** With a fraction that no other duration has, exact in binary, so that sums of them are too and are all different. */
function unique(max: number): fc.Arbitrary<number> {
  const fraction = fc.noShrink(fc.noBias(fc.integer({ min: 1, max: 2 ** 30 - 1 })));
  return fc.tuple(fc.nat({ max }), fraction).map(([whole, drawn]) => whole + drawn / 2 ** 30);
}

/** Programs of which everything can be foretold. */
export const tieFree: fc.Arbitrary<Case> = cases(drawn({ ms: unique(6), limitMs: unique(14) }, 2));

/** Programs in which everything happens, mostly at once; they use up to two of `resources` shared things. */
export function crowded(resources: number): fc.Arbitrary<Case> {
  const ms = fc.integer({ min: -1, max: 2 });
  const limitMs = fc.nat({ max: 8 });
  const focus = fc.uniqueArray(fc.nat({ max: resources - 1 }), { minLength: 1, maxLength: 2 });
  const idle = fc.record({ id, kind: fc.constant("sleep"), ms: fc.nat({ max: 6 }) }) as Drawn;
  const program = (chosen: readonly number[]): Drawn =>
    drawn({ ms, limitMs }, 8, (body) => [
      { weight: 1, arbitrary: fc.record({ id, kind: fc.constantFrom("foreign await", "abandon"), ms }) as Drawn },
      { weight: 2, arbitrary: fc.record({ id, kind: fc.constant("left open"), body }) as Drawn },
      {
        weight: 80,
        arbitrary: fc.record({
          id,
          kind: fc.constant("use"),
          ms,
          resource: fc.constantFrom(...chosen),
          action: fc.nat({ max: 59 }),
          limitMs,
          body: fc.oneof({ weight: 3, arbitrary: idle }, { weight: 1, arbitrary: body }),
        }) as Drawn,
      },
    ]);
  return cases(focus.chain(program));
}
