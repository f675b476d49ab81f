/**
 * Random trees of groups and supervisors with started and background children, cancelAll, deadlines and failures, in drawn orders.
 * A small model says what must become of each group, from what its own tasks said they did.
 */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  checkpoint,
  currentScope,
  ErrorGroup,
  Future,
  InvalidStateError,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  supervisor,
  suppressedErrors,
  type TaskGroup,
  taskGroup,
} from "coppice";
import fc from "fast-check";
import { currentNode } from "../../src/kernel/scope.ts";
import type { ScopeNode } from "../../src/kernel/scope-node.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

type Step =
  | { readonly kind: "sleep" | "stubborn sleep" | "deadline on the group" | "shielded cleanup"; readonly ms: number }
  | { readonly kind: "fail" | "cancelAll" | "checkpoint" | "set" | "get" }
  | { readonly kind: "spawn" | "background"; readonly child: readonly Step[] }
  | {
      readonly kind: "start";
      readonly before: readonly Step[];
      readonly after: readonly Step[];
      readonly says: boolean;
      readonly isBackground: boolean;
      readonly limitMs: number | null;
    }
  | { readonly kind: "group" | "supervisor"; readonly body: readonly Step[]; readonly limitMs: number | null };

const ms = fc.integer({ min: 0, max: 9 });
const limitMs = fc.option(ms, { freq: 3 });

const { steps } = fc.letrec<{ steps: readonly Step[]; step: Step }>((tie) => ({
  steps: fc.array(tie("step"), { maxLength: 4 }),
  step: fc.oneof(
    { maxDepth: 5, depthSize: "medium", withCrossShrink: true },
    fc.record({ kind: fc.constantFrom("sleep", "stubborn sleep", "deadline on the group", "shielded cleanup"), ms }),
    fc.record({ kind: fc.constantFrom("fail", "cancelAll", "checkpoint", "set", "get") }),
    fc.record({ kind: fc.constantFrom("spawn", "background"), child: tie("steps") }),
    fc.record({
      kind: fc.constant("start"),
      before: tie("steps"),
      after: tie("steps"),
      says: fc.boolean(),
      isBackground: fc.boolean(),
      limitMs,
    }),
    fc.record({ kind: fc.constantFrom("group", "supervisor"), body: tie("steps"), limitMs }),
  ) as fc.Arbitrary<Step>,
}));

class OwnError extends Error {}

/** What a group's tasks and body did, by their own account. */
interface Account {
  readonly kind: "group" | "supervisor";
  scope: CancelScope | undefined;
  /** The node of the group itself. */
  inner: ScopeNode | undefined;
  /** What the children ended with, in that order; of one whose start failed, nothing. */
  readonly childFailures: unknown[];
  bodyFailure: { readonly error: unknown } | undefined;
  running: number;
}

class Machine {
  running = 0;
  /** What the model found wrong. (An error thrown in there would be one more failure of the program.) */
  readonly violations: string[] = [];
  readonly #future = new Future<void>();

  async group(kind: "group" | "supervisor", body: readonly Step[]): Promise<void> {
    const account: Account = {
      kind,
      scope: undefined,
      inner: undefined,
      childFailures: [],
      bodyFailure: undefined,
      running: 0,
    };
    const conduct = kind === "group" ? taskGroup : supervisor;
    let outcome: { readonly error: unknown } | undefined;
    let leftScope: unknown;
    try {
      await cancelScope(async (around) => {
        account.scope = around;
        try {
          await conduct(async (group) => {
            account.inner = currentNode();
            try {
              await this.steps(body, group, account);
            } catch (error) {
              account.bodyFailure = { error };
              throw error;
            }
          });
        } catch (error) {
          leftScope = error;
          throw error;
        } finally {
          this.check(account.running === 0, "a task outlived its group");
        }
      });
    } catch (error) {
      outcome = { error };
    }
    if (isCancelled(leftScope) && leftScope.scope === account.scope)
      this.check(outcome === undefined, "a scope let its own cancellation pass");
    this.judge(account, leftScope);
    if (outcome !== undefined) throw outcome.error;
  }

  /** The model: which error a group may end with. */
  private judge({ kind, inner, childFailures, bodyFailure }: Account, thrown: unknown): void {
    const isBackgroundEnd = isCancelled(thrown) && thrown.reason === "the other tasks of the group are done";
    const by = isBackgroundEnd ? (thrown.scope as unknown as ScopeNode).parent?.parent : undefined;
    this.check(by !== inner || inner === undefined, "the end of the background tasks came out of their group");
    const own = childFailures.filter((error) => !isCancelled(error));
    const ofBody = bodyFailure !== undefined && !isCancelled(bodyFailure.error) ? [bodyFailure.error] : [];
    if (kind === "supervisor" && ofBody.length === 0) {
      if (own.length > 0) {
        const kept = thrown instanceof ErrorGroup ? thrown.errors : suppressedErrors(thrown).flatMap(flat);
        for (const error of own)
          this.check(kept.includes(error) || isCancelled(thrown), "a supervisor dropped a failure");
      } else {
        // A cancellation that is foreign to the supervisor is a failure like any other.
        const isForeign = thrown instanceof ErrorGroup && thrown.errors.every((error) => childFailures.includes(error));
        this.check(thrown === undefined || isCancelled(thrown) || isForeign, `out of nothing: ${thrown}`);
      }
      return;
    }
    const failures = [...own, ...ofBody];
    if (failures.length === 0) {
      this.check(thrown === undefined || isCancelled(thrown), `out of nothing: ${thrown}`);
      return;
    }
    const kept = [thrown, ...suppressedErrors(thrown)].flatMap(flat);
    for (const error of failures) this.check(kept.includes(error), `dropped: ${error}; thrown: ${thrown}`);
  }

  private check(isTrue: boolean, what: string): void {
    if (!isTrue) this.violations.push(what);
  }

  private async steps(steps: readonly Step[], group: TaskGroup, account: Account): Promise<void> {
    for (const step of steps) await this.step(step, group, account);
  }

  private async step(step: Step, group: TaskGroup, account: Account): Promise<void> {
    switch (step.kind) {
      case "sleep":
        return sleep(step.ms);
      case "stubborn sleep":
        try {
          await sleep(10 * step.ms);
        } catch (error) {
          this.check(isCancelled(error), "a sleep failed");
        }
        return;
      case "checkpoint":
        return checkpoint();
      case "fail":
        throw new OwnError("own");
      case "cancelAll":
        return group.cancelAll("program");
      case "set":
        if (!this.#future.done) this.#future.setResult();
        return;
      case "get":
        await moveOnAfter(5, () => this.#future);
        return;
      case "deadline on the group":
        if (account.scope !== undefined) account.scope.deadline = Math.min(account.scope.deadline, 100 + step.ms);
        return;
      case "shielded cleanup":
        try {
          await moveOnAfter(20, sleepForever);
        } finally {
          await shield(() => sleep(step.ms));
        }
        return;
      case "spawn":
      case "background":
        group.spawn(() => this.child(account, () => this.steps(step.child, group, account)), {
          background: step.kind === "background",
        });
        return;
      case "start":
        return this.start(step, group, account);
      case "group":
      case "supervisor":
        if (step.limitMs === null) return this.group(step.kind, step.body);
        await moveOnAfter(step.limitMs, () => this.group(step.kind as "group", step.body));
        return;
    }
  }

  private async start(step: Step & { kind: "start" }, group: TaskGroup, account: Account): Promise<void> {
    const before: { readonly error: unknown }[] = [];
    let hasReturned = false;
    let wasHeard = false;
    let wasCut = false;
    const starting = async (): Promise<void> => {
      const waiting = currentScope();
      const value = await group.start<string>(
        async (started) => {
          account.running++;
          this.running++;
          try {
            await this.steps(step.before, group, account);
            if (step.says) {
              wasCut = waiting.isCancelled;
              started("ready");
              hasReturned = true;
              await this.steps(step.after, group, account);
            }
          } catch (error) {
            before.push({ error });
            throw error;
          } finally {
            account.running--;
            this.running--;
            // The caller hears of it, or the group; which of them is known only when the wait is over.
            if (wasHeard && before.length > 0) account.childFailures.push(before[0]?.error);
          }
        },
        { background: step.isBackground },
      );
      wasHeard = true;
      this.check(!wasCut, "a start returned what was said after its wait was cancelled");
      this.check(value === "ready" && hasReturned, "a start returned what was not said");
      if (before.length > 0) account.childFailures.push(before[0]?.error);
    };
    try {
      if (step.limitMs === null) await starting();
      else await moveOnAfter(step.limitMs, starting);
    } catch (error) {
      if (isCancelled(error) || wasHeard) throw error;
      // Rule 11: the child's own error, or that it never said that it was ready.
      if (before.length > 0) this.check(error === before[0]?.error, "a start threw another error than its child");
      else this.check(error instanceof InvalidStateError && !step.says, `a start threw out of nothing: ${error}`);
      // Half of the callers go on.
      if (step.isBackground) throw error;
    }
  }

  private async child(account: Account, fn: () => Promise<void>): Promise<void> {
    account.running++;
    this.running++;
    try {
      await fn();
    } catch (error) {
      account.childFailures.push(error);
      throw error;
    } finally {
      account.running--;
      this.running--;
    }
  }
}

function flat(error: unknown): unknown[] {
  return error instanceof ErrorGroup ? [error, ...error.errors.flatMap(flat)] : [error];
}

test("property: groups with started and background children end as a small model says, and nothing outlives them", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.option(fc.integer({ min: 0, max: 2 ** 31 }), { nil: undefined }), async (body, seed) => {
      const raised = await unhandledDuring(() =>
        virtually(
          async () => {
            const machine = new Machine();
            await moveOnAfter(500, async () => {
              try {
                await machine.group("group", body);
              } catch (error) {
                const known = error instanceof OwnError || error instanceof InvalidStateError;
                if (!known && !(error instanceof ErrorGroup) && !isCancelled(error)) throw error;
              }
            });
            assert.deepEqual(machine.violations, []);
            assert.equal(machine.running, 0);
          },
          seed === undefined ? {} : { seed },
        ),
      );
      assert.deepEqual(raised, []);
    }),
    { numRuns: 400, interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false },
  );
});
