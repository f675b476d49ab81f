/**
 * Programs as data: tasks that sleep, spawn, open groups and scopes, cancel and stop each other, clean up, and use channels and locks.
 *
 * A drawn program names what it acts on by any number; `compile` gives each step a number of its own and makes these
 * numbers those of steps. Every step is executed at most once, so its number names what it opened, too.
 *
 * Two kinds of time (`draw.ts`). In some programs each duration has a fraction that no other has, so nothing ever happens in
 * the same moment by chance, each moment has one cause, and the outcome is one and can be told in advance (`model.ts`). In the
 * others durations are small whole numbers, and much happens in the same moment.
 */

/** A step waits `ms` first, if that is not negative, in the scope that it is in. */
interface Numbered {
  readonly id: number;
}

interface Timed extends Numbered {
  readonly ms: number;
}

interface Targeted extends Timed {
  /** The step whose scope, group or task it acts on; -1 where the program has none. */
  readonly which: number;
}

/** Does something to others, and then waits, behind a shield: so what follows from the one has ended before the other begins. */
interface Affecting extends Targeted {
  readonly thenMs: number;
}

/** `abandon` begins a wait that nobody awaits. */
export interface Pause extends Timed {
  readonly kind: "sleep" | "throw" | "foreign await" | "abandon";
}

export interface Act extends Affecting {
  readonly kind: "cancel" | "cancel task" | "cancel all";
}

export interface Stop extends Affecting {
  readonly kind: "stop";
  readonly graceMs: number;
}

export interface Move extends Affecting {
  readonly kind: "deadline";
  readonly inMs: number;
}

/** Waits for a task, or for a stop, at most `limitMs`; how the task ended is noted, and not thrown. */
export interface Await extends Targeted {
  readonly kind: "join" | "await stop";
  readonly limitMs: number;
}

export interface Spawn extends Affecting {
  readonly kind: "spawn";
  readonly isBackground: boolean;
  readonly child: Child;
}

/** Uses a channel or a lock; the books (`books.ts`) say how. What is held is held during `body`. */
export interface Use extends Timed {
  readonly kind: "use";
  readonly resource: number;
  readonly action: number;
  readonly limitMs: number;
  readonly body: Step;
}

export interface Sequence extends Numbered {
  readonly kind: "sequence";
  readonly steps: readonly Step[];
}

/** `swallow` catches whatever `body` throws and goes on; of what is `left open` nobody waits for the end but its task. */
export interface Around extends Numbered {
  readonly kind: "swallow" | "left open";
  readonly body: Step;
}

/** `finally { await sleep(ms) }`, shielded or not, which then may throw. */
export interface Cleanup extends Timed {
  readonly kind: "cleanup";
  readonly isShielded: boolean;
  readonly throws: boolean;
  readonly body: Step;
}

export interface Enclose extends Numbered {
  readonly kind: "cancelScope" | "moveOnAfter" | "withTimeout" | "shield";
  /** The time limit, or the grace period. */
  readonly limitMs: number;
  readonly body: Step;
}

export interface Child extends Numbered {
  readonly how: "spawn" | "background" | "start";
  /** Of `start`: when it says that it has. */
  readonly startMs: number;
  readonly body: Step;
}

export interface Group extends Numbered {
  readonly kind: "taskGroup" | "supervisor";
  readonly children: readonly Child[];
  readonly body: Step;
}

export type Acting = Act | Stop | Move | Spawn;

export type Step = Pause | Act | Stop | Move | Await | Spawn | Use | Sequence | Around | Cleanup | Enclose | Group;

const ENCLOSING: ReadonlySet<string> = new Set(["cancelScope", "moveOnAfter", "withTimeout", "shield"]);

export function isEnclosing(step: Step | Child): step is Enclose {
  return "kind" in step && ENCLOSING.has(step.kind);
}

export function isGroup(step: Step | Child): step is Group {
  return "kind" in step && (step.kind === "taskGroup" || step.kind === "supervisor");
}

function isScope(step: Step | Child): boolean {
  return isGroup(step) || isEnclosing(step);
}

function hasLimit(step: Step | Child): boolean {
  return "kind" in step && (step.kind === "moveOnAfter" || step.kind === "withTimeout");
}

function isChild(step: Step | Child): step is Child {
  return "how" in step;
}

interface Mutable {
  readonly kind?: string;
  which?: number;
}

/** Numbers the steps, and makes targets of numbers. */
export function compile(program: Step): Step {
  const scopes: number[] = [];
  const groups: number[] = [];
  const tasks: number[] = [];
  let last = 0;

  const numbered = (step: Step | Child): Step | Child => {
    const id = ++last;
    if (isChild(step)) tasks.push(id);
    if (isGroup(step)) groups.push(id);
    if (isScope(step)) scopes.push(id);
    const copy: Record<string, unknown> = { ...step, id };
    for (const [key, value] of Object.entries(step)) {
      if (key === "child" || key === "body") copy[key] = numbered(value);
      else if (key === "children" || key === "steps") copy[key] = value.map(numbered);
    }
    return copy as unknown as Step;
  };

  // Half of the time at something that is open then: what is around it, or for waiting, a task beside it.
  const aimed = (step: Step | Child, around: readonly (Step | Child)[]): void => {
    const at = step as Mutable;
    if (at.which !== undefined) {
      const [all, near] = targets(at.kind, around);
      const from = at.which % 2 === 0 && near.length > 0 ? near.map(({ id }) => id) : all;
      at.which = from[Math.floor(at.which / 2) % from.length] ?? -1;
    }
    for (const inner of parts(step)) aimed(inner, [...around, step]);
  };

  const targets = (kind: string | undefined, around: readonly (Step | Child)[]): [number[], (Step | Child)[]] => {
    switch (kind) {
      case "spawn":
        return [groups, around.filter(isGroup)];
      case "cancel all":
        return [groups, around.slice(1).filter(isGroup)];
      case "cancel task":
        return [tasks, around.filter(isChild)];
      case "join":
        return [
          tasks,
          around.filter(isGroup).flatMap((group) => group.children.filter((child) => !around.includes(child))),
        ];
      case "deadline":
        return [scopes, around.filter(hasLimit)];
      default:
        // Not the outermost group: all would be over.
        return [scopes, around.slice(1).filter(isScope)];
    }
  };

  const compiled = numbered(program) as Step;
  aimed(compiled, []);
  return compiled;
}

/** What stands directly inside of a step. */
export function parts(step: Step | Child): readonly (Step | Child)[] {
  if ("steps" in step) return step.steps;
  if ("children" in step) return [...step.children, step.body];
  if ("child" in step) return [step.child];
  return "body" in step ? [step.body] : [];
}

/** The program as a text to read. */
export function listing(step: Step | Child, depth = 0): string {
  const fields: string[] = [];
  for (const [key, value] of Object.entries(step)) {
    if (key === "id" || key === "kind" || key === "how" || typeof value === "object") continue;
    fields.push(`${key} ${key === "which" ? `#${value}` : String(value)}`);
  }
  const what = "how" in step ? `${step.how}:` : step.kind;
  const line = `${"  ".repeat(depth)}#${step.id} ${what}${fields.length > 0 ? ` (${fields.join(", ")})` : ""}`;
  return [line, ...parts(step).map((part) => listing(part, depth + 1))].join("\n");
}
