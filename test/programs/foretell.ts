/** Executes a program on the model: the trace that the library must give. */

import { type Fiber, ModelError, type ModelScope, ModelWorld } from "./model.ts";
import { ModelGroup, type ModelTask } from "./model-group.ts";
import {
  type Acting,
  type Await,
  type Child,
  type Cleanup,
  type Enclose,
  type Group,
  isEnclosing,
  isGroup,
  type Step,
} from "./program.ts";

/** The trace, sorted, as the order within a moment is open; `undefined` where more than that is open. */
export function foretell(program: Step): string[] | undefined {
  const prophet = new Prophet();
  const { world } = prophet;
  const root = world.open("the run");
  world.start(prophet.begin(program, root));
  world.run();
  if (!world.isOver) prophet.trace.push("the program never ends");
  return world.isOpenWhoIsNamed ? undefined : prophet.finish();
}

class Prophet {
  readonly world = new ModelWorld();
  readonly trace: string[] = [];
  readonly #scopes = new Map<number, ModelScope>();
  readonly #groups = new Map<number, ModelGroup>();
  readonly #tasks = new Map<number, ModelTask>();
  readonly #errors: ModelError[] = [];

  *begin(program: Step, scope: ModelScope): Fiber<void> {
    try {
      yield* this.execute(program, scope);
    } catch {}
  }

  finish(): string[] {
    for (const { label, suppressed } of this.#errors) {
      if (suppressed.length > 0)
        this.trace.push(`${label} suppressed: ${suppressed.map((one) => one.label).join(", ")}`);
    }
    return this.trace.sort();
  }

  *execute(step: Step, scope: ModelScope): Fiber<void> {
    try {
      yield* this.perform(step, scope);
      this.note(step, "done");
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      this.note(step, error.label);
      throw error;
    }
  }

  private note({ id }: Step | Child, what: string): void {
    this.trace.push(`${this.world.now} #${id} ${what}`);
  }

  private fail(step: Step | Child): never {
    throw this.made(new ModelError(`error of #${step.id}`));
  }

  private made(error: ModelError): ModelError {
    this.#errors.push(error);
    return error;
  }

  private *perform(step: Step, scope: ModelScope): Fiber<void> {
    const { world } = this;
    if (isGroup(step)) return yield* this.group(step, scope);
    if (isEnclosing(step)) return yield* this.enclosed(step, scope);
    if (step.kind === "cleanup") return yield* this.cleanup(step, scope);
    if (step.kind === "sequence") {
      for (const part of step.steps) yield* this.execute(part, scope);
      return;
    }
    if (step.kind === "swallow") {
      try {
        yield* this.execute(step.body, scope);
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
      }
      return;
    }
    if (!("ms" in step)) throw new Error(`${step.kind} cannot be foretold`);
    yield* world.sleep(scope, step.ms);
    this.look(step, scope);
    if ("thenMs" in step) {
      this.act(step);
      yield* this.shielded(scope, step.thenMs);
      this.look(step, scope);
      return;
    }
    switch (step.kind) {
      case "sleep":
        return;
      case "throw":
        return this.fail(step);
      case "join":
      case "await stop":
        return yield* this.await(step, scope);
      default:
        throw new Error(`${step.kind} cannot be foretold`);
    }
  }

  private look(step: Step, scope: ModelScope): void {
    this.note(step, `sees deadline ${scope.effectiveDeadline}, stopping ${scope.hearsStop}`);
  }

  private act(step: Acting): void {
    const { world } = this;
    const scope = this.#scopes.get(step.which);
    const group = this.#groups.get(step.which);
    const reason = `by #${step.id}`;
    if (step.kind === "cancel task") {
      const task = this.#tasks.get(step.which);
      if (task !== undefined) world.cancel(task.scope, reason);
    } else if (step.kind === "cancel all") {
      if (group !== undefined) world.cancel(group.children, reason);
    } else if (step.kind === "spawn") {
      if (group?.scope.isOpen) this.spawn(group, step.child, step.isBackground);
      else if (group !== undefined) this.note(step, "refused");
    } else if (scope !== undefined) {
      if (step.kind === "cancel") world.cancel(scope, reason);
      else if (step.kind === "stop") world.stop(scope, step.graceMs, reason);
      else if (step.kind === "deadline" && scope.isOpen) scope.deadline = world.now + step.inMs;
    }
  }

  private *shielded(scope: ModelScope, ms: number): Fiber<void> {
    const inner = this.world.shield("a shield", scope, Infinity);
    try {
      yield* this.world.sleep(inner, ms);
    } finally {
      inner.isOpen = false;
    }
  }

  private *await(step: Await, scope: ModelScope): Fiber<void> {
    const { world } = this;
    const limit = world.open("a limit", scope);
    limit.deadline = world.now + step.limitMs;
    try {
      if (step.kind === "join") yield* this.join(step, limit);
      else {
        yield* world.wait({ scope: limit, isReady: () => limit.hearsStop });
        this.note(step, "heard");
      }
    } catch (error) {
      if (!(error instanceof ModelError) || error.scope !== limit) throw error;
    } finally {
      limit.isOpen = false;
    }
  }

  private *join(step: Await, scope: ModelScope): Fiber<void> {
    const task = this.#tasks.get(step.which);
    if (task === undefined) return;
    const join = task.join();
    try {
      yield* this.world.wait({ scope, isReady: () => join.hasEnded });
    } finally {
      task.forget(join);
    }
    task.isSeen = true;
    this.note(step, `joins ${task.error?.label ?? "done"}`);
  }

  private *cleanup(step: Cleanup, scope: ModelScope): Fiber<void> {
    try {
      yield* this.execute(step.body, scope);
    } finally {
      if (step.isShielded) yield* this.shielded(scope, step.ms);
      else yield* this.world.sleep(scope, step.ms);
      this.note(step, "cleaned up");
      if (step.throws) this.fail(step);
    }
  }

  private *enclosed(step: Enclose, scope: ModelScope): Fiber<void> {
    const { world } = this;
    const label = `#${step.id}`;
    const inner = step.kind === "shield" ? world.shield(label, scope, step.limitMs) : world.open(label, scope);
    if (step.kind === "moveOnAfter" || step.kind === "withTimeout") inner.deadline = world.now + step.limitMs;
    this.#scopes.set(step.id, inner);
    try {
      yield* this.execute(step.body, inner);
    } catch (error) {
      if (!(error instanceof ModelError) || error.scope !== inner || step.kind === "shield") throw error;
      if (step.kind !== "withTimeout") inner.isCaught = true;
      else if (!inner.isExpired) throw error;
      else {
        inner.isCaught = true;
        throw this.made(new ModelError(`time out of #${step.id}`));
      }
    } finally {
      inner.isOpen = false;
      inner.deadline = Infinity;
      this.note(step, `called ${inner.cancelledAt !== undefined}, caught ${inner.isCaught}`);
    }
  }

  private *group(step: Group, scope: ModelScope): Fiber<void> {
    const { world } = this;
    const group = new ModelGroup(world, `#${step.id}`, scope, step.kind === "supervisor");
    this.#scopes.set(step.id, group.scope);
    this.#groups.set(step.id, group);
    try {
      for (const child of step.children) {
        if (child.how === "start") yield* this.start(group, child);
        else this.spawn(group, child, child.how === "background");
      }
      yield* this.execute(step.body, group.scope);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      group.bodyFailed(error);
    }
    yield* group.drain();
    const error = group.close((several) => this.made(several));
    if (error !== undefined) throw error;
  }

  private spawn(group: ModelGroup, child: Child, isBackground: boolean): void {
    const task = group.spawn(`task #${child.id}`, isBackground);
    this.#tasks.set(child.id, task);
    this.world.start(task.run(this.child(child, task.scope)));
  }

  private *child(child: Child, scope: ModelScope): Fiber<void> {
    this.note(child, "starts");
    try {
      yield* this.execute(child.body, scope);
      this.note(child, "done");
    } catch (error) {
      if (error instanceof ModelError) this.note(child, error.label);
      throw error;
    }
  }

  private *start(group: ModelGroup, child: Child): Fiber<void> {
    const { world } = this;
    const { scope } = group;
    if (scope.cancelledBy !== undefined) throw world.cancellation(scope);
    const task = group.spawn(`task #${child.id}`, false);
    task.phase = "starting";
    const prophet = this;
    function* starting(): Fiber<void> {
      yield* world.sleep(task.scope, child.startMs);
      if (task.phase === "starting") task.phase = "started";
      yield* prophet.child(child, task.scope);
    }
    world.start(task.run(starting()));
    yield* world.wait({
      scope,
      isReady: () => task.phase === "started" || task.hasEnded,
      cut: () => {
        if (task.phase !== "starting") return;
        task.phase = "abandoned";
        world.cancel(task.scope, (scope.cancelledBy as ModelScope).reason);
      },
    });
    const phase = task.phase as ModelTask["phase"];
    if (phase === "started") return;
    if (phase === "abandoned" && (task.error === undefined || task.error.scope !== undefined))
      throw world.cancellation(scope);
    // It was neither started nor cancelled, so it failed.
    throw task.error as ModelError;
  }
}
