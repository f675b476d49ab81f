/**
 * Executes a program on the library, and keeps a trace. What must hold for every program, foretold or not, is checked on the way:
 * nothing happens in a group that has settled (rule 1), a failure is the same object all the way (rule 2), in a cancelled scope every wait throws
 * (rules 3 and 7), a scope swallows its own cancellation and no other (rule 4), a body that finished keeps its value (rule 8).
 */
import assert from "node:assert/strict";
import {
  type CancelScope,
  ClosedError,
  cancelScope,
  checkpoint,
  currentLoop,
  currentScope,
  ErrorGroup,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  supervisor,
  suppressedErrors,
  type Task,
  type TaskGroup,
  TimeoutError,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { currentNode } from "../../src/kernel/scope.ts";
import type { ScopeNode, SettledTask } from "../../src/kernel/scope-node.ts";
import type { Book, Executor, Life } from "./book.ts";
import {
  type Acting,
  type Around,
  type Await,
  type Child,
  type Cleanup,
  type Enclose,
  type Group,
  isEnclosing,
  isGroup,
  type Spawn,
  type Step,
} from "./program.ts";

/** No program takes so long. */
export const FOR_EVER_MS = 100_000;

/** What a program throws on purpose. */
export class OurError extends Error {}

export class Machine implements Executor {
  readonly trace: string[] = [];
  books: readonly Book[] = [];
  entered = 0;
  left = 0;
  readonly #scopes = new Map<number, CancelScope>();
  readonly #groups = new Map<number, { group: TaskGroup; life: Life }>();
  readonly #tasks = new Map<number, Task<void>>();
  readonly #labels = new WeakMap<CancelScope, string>();
  readonly #errors = new Map<unknown, string>();
  #broken: { error: unknown } | undefined;

  async begin(program: Step): Promise<void> {
    const life: Life = { of: "the run", isOver: false, around: undefined };
    try {
      // The group waits for what the program leaves open.
      await taskGroup(() => this.execute(program, life));
    } catch (error) {
      this.describe(error);
    }
    if (this.#broken !== undefined) throw this.#broken.error;
    assert.equal(this.left, this.entered, "a finally block was skipped");
    for (const [error, label] of this.#errors) {
      const suppressed = suppressedErrors(error);
      if (suppressed.length > 0)
        this.trace.push(`${label} suppressed: ${suppressed.map((one) => this.describe(one)).join(", ")}`);
    }
  }

  async execute(step: Step, life: Life): Promise<void> {
    this.entered++;
    try {
      await this.perform(step, life);
      this.note(step, "done", life);
    } catch (error) {
      this.note(step, this.describe(error), life);
      throw error;
    } finally {
      this.left++;
    }
  }

  /** In the trace; and nothing of a task happens after the life of its group. */
  note({ id }: Step | Child, what: string, life: Life): void {
    this.trace.push(`${currentLoop().time()} #${id} ${what}`);
    try {
      for (let at: Life | undefined = life; at !== undefined; at = at.around)
        assert.ok(!at.isOver, `#${id} outlived ${at.of}`);
      for (const book of this.books) book.check();
    } catch (error) {
      this.describe(error);
      throw error;
    }
  }

  /** By its name. One that has none breaks the program, whoever swallows or suppresses it. */

  describe(error: unknown): string {
    const known = this.#errors.get(error);
    if (known !== undefined) return known;
    if (error instanceof ErrorGroup) {
      const label = `several: [${error.errors.map((one) => this.describe(one)).join("; ")}]`;
      this.#errors.set(error, label);
      return label;
    }
    if (!isCancelled(error)) {
      this.#broken ??= { error };
      return `unknown ${error}`;
    }
    const label = this.#labels.get(error.scope) ?? error.scope.name;
    const { reason } = error;
    return `cancelled by ${label} (${typeof reason === "string" ? reason : this.describe(reason)})`;
  }

  fail(step: Step, what: string): never {
    const error = new OurError(what);
    this.#errors.set(error, `${what} of #${step.id}`);
    throw error;
  }

  /** One wait of the library, which must throw if its scope was cancelled before. */
  async wait<T>(begin: () => PromiseLike<T>): Promise<T> {
    const scope = currentScope();
    const wasCancelled = scope.isCancelled;
    let value: T;
    try {
      value = await begin();
    } catch (error) {
      if (wasCancelled) assert.ok(isCancelled(error), `a wait in a cancelled scope threw ${error}`);
      throw error;
    }
    assert.ok(!wasCancelled, "a wait in a cancelled scope went on");
    return value;
  }

  async pause(ms: number): Promise<void> {
    if (ms >= 0) await this.wait(() => sleep(ms));
  }

  async waitAtMost<T>(limitMs: number, begin: () => PromiseLike<T>): Promise<{ value: T } | undefined> {
    return await moveOnAfter(limitMs, async (scope) => {
      this.#labels.set(scope, "a limit");
      return { value: await this.wait(begin) };
    });
  }

  private async perform(step: Step, life: Life): Promise<void> {
    if (isGroup(step)) return await this.group(step, life);
    if (isEnclosing(step)) return await this.enclosed(step, life);
    if (step.kind === "cleanup") return await this.cleanup(step, life);
    if (step.kind === "sequence") {
      for (const part of step.steps) await this.execute(part, life);
      return;
    }
    if (step.kind === "swallow") {
      try {
        await this.execute(step.body, life);
      } catch {
        if (currentScope().isCancelled) await assert.rejects(checkpoint(), isCancelled);
      }
      return;
    }
    if (step.kind === "left open") return this.leaveOpen(step, life);
    if (!("ms" in step)) throw new Error(`${(step as Step).kind}?`);
    await this.pause(step.ms);
    this.look(step, life);
    if ("thenMs" in step) {
      this.act(step, life);
      if (step.thenMs >= 0) await shield(() => this.pause(step.thenMs));
      this.look(step, life);
      return;
    }
    switch (step.kind) {
      case "sleep":
        return;
      case "foreign await":
        return await Promise.resolve();
      case "throw":
        return this.fail(step, "error");
      case "abandon":
        void sleep(FOR_EVER_MS);
        return;
      case "join":
        return await this.join(step, life);
      case "await stop": {
        const heard = await this.waitAtMost(step.limitMs, () => currentScope().whenStopping());
        if (heard !== undefined) this.note(step, "heard", life);
        return;
      }
      case "use":
        return await this.books[step.resource]?.use(step, this, life);
    }
  }

  /** Nobody catches its cancellation, which is no unhandled rejection for that (rule 15). */
  private leaveOpen(step: Around, life: Life): void {
    const body = async (): Promise<void> => {
      try {
        await this.execute(step.body, life);
      } catch (error) {
        this.describe(error);
        if (isCancelled(error)) throw error;
      }
    };
    if (step.id % 3 === 0) void taskGroup(body);
    else if (step.id % 3 === 1) void shield(body, { graceMs: 5 });
    else void cancelScope(body);
  }

  private look(step: Step, life: Life): void {
    const { effectiveDeadline, isStopping } = currentScope();
    this.note(step, `sees deadline ${effectiveDeadline}, stopping ${isStopping}`, life);
  }

  private act(step: Acting, life: Life): void {
    const scope = this.#scopes.get(step.which);
    const reason = `by #${step.id}`;
    if (step.kind === "cancel") scope?.cancel(reason);
    else if (step.kind === "cancel task") this.#tasks.get(step.which)?.cancel(reason);
    else if (step.kind === "cancel all") this.#groups.get(step.which)?.group.cancelAll(reason);
    else if (step.kind === "stop") scope?.stop({ graceMs: step.graceMs, reason });
    else if (step.kind === "spawn") this.spawnElsewhere(step, life);
    else if (step.kind === "deadline" && scope !== undefined) scope.deadline = currentLoop().time() + step.inMs;
  }

  private async join(step: Await, life: Life): Promise<void> {
    const task = this.#tasks.get(step.which);
    if (task === undefined) return;
    const outcome = await this.waitAtMost(step.limitMs, async () => {
      try {
        await (step.id % 2 === 0 ? task : until(task));
        return "done";
      } catch (error) {
        // Its own, even if it is a cancellation. (Asked of the inside, as `task.error()` counts as looking at it.)
        if ((task as unknown as SettledTask).outcome !== error) throw error;
        return this.describe(error);
      }
    });
    if (outcome === undefined) return;
    assert.ok(task.done);
    this.note(step, `joins ${outcome.value}`, life);
  }

  private async cleanup(step: Cleanup, life: Life): Promise<void> {
    try {
      await this.execute(step.body, life);
    } finally {
      if (step.isShielded) await shield(() => this.pause(step.ms));
      else await this.pause(step.ms);
      this.note(step, "cleaned up", life);
      if (step.throws) this.fail(step, "error");
    }
  }

  private async enclosed(step: Enclose, life: Life): Promise<void> {
    let scope!: CancelScope;
    let hasFinished = false;
    let value: true | undefined;
    let failure: { error: unknown } | undefined;
    const body = async (opened: CancelScope): Promise<true> => {
      scope = opened;
      this.#scopes.set(step.id, opened);
      this.#labels.set(opened, `#${step.id}`);
      await this.execute(step.body, life);
      hasFinished = true;
      return true;
    };
    try {
      if (step.kind === "moveOnAfter") value = await moveOnAfter(step.limitMs, body);
      else if (step.kind === "withTimeout") value = await withTimeout(step.limitMs, body);
      else if (step.kind === "shield") value = await shield(body, { graceMs: step.limitMs });
      else value = await cancelScope(body);
    } catch (error) {
      failure = { error };
    }
    const { cancelCalled, cancelledCaught } = scope;
    assert.equal(value === true, hasFinished, "a finished body keeps its value");
    if (hasFinished) assert.equal(failure, undefined);
    else assert.equal(failure === undefined, cancelledCaught && step.kind !== "withTimeout");
    if (cancelledCaught) assert.ok(cancelCalled && !hasFinished, "caught what was never called, or had no effect");
    const error = failure?.error;
    if (error instanceof TimeoutError && !this.#errors.has(error)) {
      assert.ok(step.kind === "withTimeout" && cancelledCaught);
      this.#errors.set(error, `time out of #${step.id}`);
    } else if (isCancelled(error) && error.scope === scope) {
      assert.ok(step.kind === "withTimeout" || step.kind === "shield", "a scope let its own cancellation pass");
      assert.ok(!cancelledCaught);
    }
    this.note(step, `called ${cancelCalled}, caught ${cancelledCaught}`, life);
    if (failure !== undefined) throw error;
  }

  private async group(step: Group, around: Life): Promise<void> {
    const life: Life = { of: `#${step.id}`, isOver: false, around };
    const conduct = step.kind === "supervisor" ? supervisor : taskGroup;
    const spawned: Task<void>[] = [];
    try {
      await conduct(async (group) => {
        this.#scopes.set(step.id, currentScope());
        this.#labels.set(currentScope(), `#${step.id}`);
        this.#groups.set(step.id, { group, life });
        for (const child of step.children) {
          if (child.how !== "start") spawned.push(this.spawn(group, child, life, child.how === "background"));
          else {
            await this.wait(() =>
              group.start<void>(
                async (started) => {
                  this.labelTask(child, life);
                  await this.pause(child.startMs);
                  started();
                  await this.child(child, life);
                },
                { name: `task #${child.id}` },
              ),
            );
          }
        }
        await this.execute(step.body, life);
      });
    } finally {
      life.isOver = true;
      for (const task of spawned) assert.ok(task.done, `a task outlived group #${step.id}`);
    }
  }

  private spawn(group: TaskGroup, child: Child, life: Life, background: boolean): Task<void> {
    const task = group.spawn(
      () => {
        this.labelTask(child, life);
        return this.child(child, life);
      },
      { name: `task #${child.id}`, background },
    );
    this.#tasks.set(child.id, task);
    return task;
  }

  private spawnElsewhere(step: Spawn, life: Life): void {
    const target = this.#groups.get(step.which);
    if (target === undefined) return;
    try {
      this.spawn(target.group, step.child, target.life, step.isBackground);
    } catch (error) {
      // The group may have settled in this moment, and its body not have heard of it yet.
      assert.ok(error instanceof ClosedError);
      this.note(step, "refused", life);
      return;
    }
    assert.ok(!target.life.isOver, "spawned into a group that has settled");
  }

  private labelTask(child: Child, life: Life): void {
    this.#labels.set(currentScope(), `task #${child.id}`);
    const parent = currentNode().parent as ScopeNode;
    const around = parent.parent as ScopeNode;
    const group = this.#scopes.get(Number(life.of.slice(1)));
    if (around.scope === group) this.#labels.set(parent.scope, `the children of ${life.of}`);
    else {
      this.#labels.set(parent.scope, `the background of ${life.of}`);
      this.#labels.set(around.scope, `the children of ${life.of}`);
    }
  }

  private async child(child: Child, life: Life): Promise<void> {
    this.note(child, "starts", life);
    try {
      await this.execute(child.body, life);
      this.note(child, "done", life);
    } catch (error) {
      this.note(child, this.describe(error), life);
      throw error;
    }
  }
}
