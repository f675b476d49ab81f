/** Task groups and supervisors of the model: the rules 1, 2 and 12, and the table of `group.ts` about who hears of an error. */
import { type Fiber, ModelError, type ModelScope, type ModelWorld } from "./model.ts";

export interface ModelJoin {
  hasEnded: boolean;
}

export class ModelTask {
  readonly scope: ModelScope;
  phase: "spawned" | "starting" | "started" | "abandoned" = "spawned";
  hasEnded = false;
  isSeen = false;
  error: ModelError | undefined;
  readonly #group: ModelGroup;
  readonly #joins = new Set<ModelJoin>();

  constructor(group: ModelGroup, scope: ModelScope) {
    this.#group = group;
    this.scope = scope;
  }

  *run(body: Fiber<void>): Fiber<void> {
    try {
      yield* body;
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      this.error = error;
    }
    this.hasEnded = true;
    // Whoever waits has it from now on, even if the group's failure cancels the waiter.
    for (const join of this.#joins) {
      join.hasEnded = true;
      this.isSeen = true;
    }
    this.#group.taskEnded(this);
    this.scope.isOpen = false;
  }

  join(): ModelJoin {
    const join = { hasEnded: this.hasEnded };
    this.#joins.add(join);
    return join;
  }

  forget(join: ModelJoin): void {
    this.#joins.delete(join);
  }
}

export class ModelGroup {
  readonly scope: ModelScope;
  readonly children: ModelScope;
  readonly #world: ModelWorld;
  readonly #isSupervisor: boolean;
  #background: ModelScope | undefined;
  readonly #running = new Set<ModelTask>();
  #failure: ModelError | undefined;
  #cutBy: ModelError | undefined;
  readonly #kept: ModelTask[] = [];

  constructor(world: ModelWorld, label: string, parent: ModelScope, isSupervisor: boolean) {
    this.#world = world;
    this.#isSupervisor = isSupervisor;
    this.scope = world.open(label, parent);
    this.children = world.open(`the children of ${label}`, this.scope);
  }

  spawn(label: string, isBackground: boolean): ModelTask {
    if (isBackground) this.#background ??= this.#world.open(`the background of ${this.scope.label}`, this.children);
    const parent = isBackground ? (this.#background as ModelScope) : this.children;
    const task = new ModelTask(this, this.#world.open(label, parent));
    this.#running.add(task);
    return task;
  }

  taskEnded(task: ModelTask): void {
    this.#running.delete(task);
    const { error } = task;
    if (error === undefined || task.phase === "starting" || task.phase === "abandoned") return;
    const asked = [task.scope, this.children, this.#background];
    if (error.scope !== undefined && asked.includes(error.scope)) return;
    if (this.#isCutOff(error)) return;
    if (this.#isSupervisor) this.#kept.push(task);
    else this.#fail(error);
  }

  bodyFailed(error: ModelError): void {
    if (!this.#isCutOff(error)) this.#fail(error);
  }

  #isCutOff(error: ModelError): boolean {
    if (error.scope === undefined || this.scope.cancelledBy === undefined) return false;
    if (!this.scope.isWithin(error.scope)) return false;
    if (error.scope !== this.scope || this.#failure === undefined) this.#cutBy ??= error;
    return true;
  }

  #fail(error: ModelError): void {
    if (this.#failure !== undefined) this.#failure.suppress(error);
    else {
      this.#failure = error;
      this.#world.cancel(this.scope, error.label);
    }
  }

  /** Waits for all, background tasks last. */
  *drain(): Fiber<void> {
    const isOnlyBackground = (): boolean =>
      [...this.#running].every((task) => this.#background !== undefined && task.scope.parent === this.#background);
    for (;;) {
      yield* this.#world.wait({ scope: this.scope, isDeaf: true, isReady: isOnlyBackground });
      if (this.#background === undefined) return;
      this.#world.cancel(this.#background, "the other tasks of the group are done");
      const before = this.#running.size;
      if (before === 0) return;
      yield* this.#world.wait({ scope: this.scope, isDeaf: true, isReady: () => this.#running.size !== before });
    }
  }

  /** What the group throws. */
  close(made: (several: ModelError) => ModelError): ModelError | undefined {
    this.scope.isOpen = false;
    this.children.isOpen = false;
    this.scope.deadline = Infinity;
    if (this.#background !== undefined) this.#background.isOpen = false;
    const unseen = this.#kept.filter((task) => !task.isSeen).map((task) => (task.error as ModelError).label);
    if (unseen.length > 0) this.#fail(made(new ModelError(`several: [${unseen.join("; ")}]`)));
    return this.#failure ?? this.#cutBy;
  }
}
