/**
 * Random small programs of nested groups, scopes, shields, timeouts and cancellations, in drawn orders. Whatever they do,
 * the promises that the kernel makes to everybody must hold.
 */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  channel,
  checkpoint,
  currentLoop,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  type Task,
  TimeoutError,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import fc from "fast-check";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

type Program =
  | { readonly kind: "sleep"; readonly ms: number }
  | { readonly kind: "checkpoint" }
  | { readonly kind: "foreign await" }
  | { readonly kind: "exchange"; readonly capacity: number }
  | { readonly kind: "throw" }
  | { readonly kind: "cancel a scope"; readonly which: number }
  | { readonly kind: "cancel a task"; readonly which: number }
  | { readonly kind: "join a task"; readonly which: number }
  | { readonly kind: "swallow"; readonly body: Program }
  | { readonly kind: "sequence"; readonly parts: readonly Program[] }
  | { readonly kind: "group"; readonly children: readonly Program[]; readonly body: Program; readonly cancels: boolean }
  | { readonly kind: "left open"; readonly body: Program }
  | { readonly kind: "cancelScope" | "cleanup"; readonly body: Program }
  | { readonly kind: "moveOnAfter" | "withTimeout" | "shield"; readonly ms: number; readonly body: Program };

const duration = fc.integer({ min: 0, max: 12 });

const { program } = fc.letrec<{ program: Program }>((tie) => ({
  program: fc.oneof(
    { maxDepth: 6, depthSize: "max", withCrossShrink: true },
    fc.oneof(
      fc.record({ kind: fc.constant("sleep"), ms: duration }),
      fc.record({ kind: fc.constant("checkpoint") }),
      fc.record({ kind: fc.constant("foreign await") }),
      fc.record({ kind: fc.constant("exchange"), capacity: fc.integer({ min: 0, max: 1 }) }),
      fc.record({ kind: fc.constant("throw") }),
      fc.record({ kind: fc.constant("cancel a scope"), which: fc.nat() }),
      fc.record({ kind: fc.constant("cancel a task"), which: fc.nat() }),
      fc.record({ kind: fc.constant("join a task"), which: fc.nat() }),
    ),
    fc.record({ kind: fc.constant("sequence"), parts: fc.array(tie("program"), { minLength: 2, maxLength: 4 }) }),
    fc.record({
      kind: fc.constant("group"),
      children: fc.array(tie("program"), { minLength: 1, maxLength: 4 }),
      body: tie("program"),
      cancels: fc.boolean(),
    }),
    fc.record({ kind: fc.constantFrom("cancelScope", "cleanup", "swallow", "left open"), body: tie("program") }),
    fc.record({ kind: fc.constantFrom("moveOnAfter", "withTimeout", "shield"), ms: duration, body: tie("program") }),
  ) as fc.Arbitrary<Program>,
}));

/** Several side by side: alone they have nobody to meet. */
const programs: fc.Arbitrary<Program> = fc.record({
  kind: fc.constant("group" as const),
  children: fc.array(program, { minLength: 2, maxLength: 5 }),
  body: program,
  cancels: fc.boolean(),
});

class OurError extends Error {}

/** Runs programs and keeps the books. */
class Machine {
  readonly scopes: CancelScope[] = [];
  /** Those that are still running; a program does not join its ancestors, which would never end. */
  readonly tasks: { task: Task<void>; depth: number }[] = [];
  readonly trace: string[] = [];
  entered = 0;
  left = 0;
  started = 0;
  ended = 0;

  async execute(program: Program, depth: number): Promise<void> {
    this.entered++;
    try {
      this.trace.push(`${currentLoop().time()} ${program.kind}`);
      await this.step(program, depth);
    } finally {
      this.left++;
    }
  }

  private async step(program: Program, depth: number): Promise<void> {
    switch (program.kind) {
      case "sleep":
        return sleep(program.ms);
      case "checkpoint":
        return checkpoint();
      case "foreign await":
        return Promise.resolve();
      case "throw":
        throw new OurError("own");
      case "exchange": {
        const [sender, receiver] = channel<string>(program.capacity);
        return taskGroup(async (group) => {
          group.spawn(() => sender.send("value"));
          assert.equal(await receiver.receive(), "value");
        });
      }
      case "cancel a scope":
        this.scopes[program.which % Math.max(this.scopes.length, 1)]?.cancel("program");
        return;
      case "cancel a task":
        this.tasks[program.which % Math.max(this.tasks.length, 1)]?.task.cancel("program");
        return;
      case "join a task": {
        const entry = this.tasks[program.which % Math.max(this.tasks.length, 1)];
        // Two tasks may wait for each other, so no wait is for ever.
        if (entry !== undefined)
          await moveOnAfter(20, () => (program.which % 2 === 0 ? until(entry.task) : entry.task));
        return;
      }
      case "swallow":
        try {
          await this.execute(program.body, depth);
        } catch {}
        return;
      case "sequence":
        for (const part of program.parts) await this.execute(part, depth);
        return;
      case "cleanup":
        try {
          await this.execute(program.body, depth);
        } finally {
          const before = this.left;
          await shield(() => sleep(3));
          assert.ok(this.left >= before);
        }
        return;
      case "left open":
        void this.inScope(program.body, depth).catch(() => {});
        return;
      case "group": {
        const settled: Task<void>[] = [];
        let failure: unknown;
        try {
          await taskGroup(async (group) => {
            for (const child of program.children) {
              const task = group.spawn(() => this.child(child, depth + 1));
              settled.push(task);
              this.tasks.push({ task, depth });
            }
            if (program.cancels) group.cancelAll();
            await this.execute(program.body, depth);
          });
        } catch (error) {
          failure = error;
          throw error;
        } finally {
          // Rule 1, and what a settled task says of itself.
          for (const task of settled) {
            assert.equal(task.done, true, "a task outlived its group");
            const error = task.error();
            if (task.cancelled) assert.ok(isCancelled(error));
            if (error instanceof OurError) assert.notEqual(failure, undefined, "a failure was dropped");
          }
        }
        return;
      }
      default:
        return this.inScope(program.body, depth, program);
    }
  }

  private async child(program: Program, depth: number): Promise<void> {
    this.started++;
    try {
      await this.execute(program, depth);
    } finally {
      this.ended++;
    }
  }

  /** Runs `body` in a scope of the kind that `program` says. */
  private async inScope(body: Program, depth: number, program?: Program): Promise<void> {
    let scope: CancelScope | undefined;
    let hasFinished = false;
    let error: unknown;
    const inside = async (opened: CancelScope): Promise<true> => {
      scope = opened;
      this.scopes.push(opened);
      await this.execute(body, depth);
      hasFinished = true;
      return true;
    };
    let value: true | undefined;
    try {
      if (program?.kind === "moveOnAfter") value = await moveOnAfter(program.ms, inside);
      else if (program?.kind === "withTimeout") value = await withTimeout(program.ms, inside);
      else if (program?.kind === "shield") value = await shield(inside, { graceMs: program.ms });
      else value = await cancelScope(inside);
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(scope !== undefined);
    if (scope.cancelledCaught) {
      assert.equal(scope.cancelCalled, true, "caught what was never called");
      assert.equal(hasFinished, false, "a body that had finished was cut");
    }
    assert.equal(value === true, hasFinished && error === undefined, "a finished body keeps its value");
    if (error === undefined) {
      assert.equal(hasFinished, !scope.cancelledCaught);
      return;
    }
    if (error instanceof TimeoutError && scope.cancelledCaught) assert.equal(program?.kind, "withTimeout");
    if (isCancelled(error) && error.scope === scope) {
      assert.ok(program?.kind === "withTimeout" || program?.kind === "shield", "a scope let its own cancellation pass");
      assert.equal(scope.cancelledCaught, false);
    }
    throw error;
  }
}

test("property: whatever a program does, every task ends, every finally runs, and nothing is raised astray", async () => {
  await fc.assert(
    fc.asyncProperty(
      programs,
      fc.option(fc.integer({ min: 0, max: 2 ** 31 }), { nil: undefined }),
      async (source, seed) => {
        const execute = async (): Promise<string[]> => {
          const machine = new Machine();
          const raised = await unhandledDuring(() =>
            virtually(
              async () => {
                try {
                  // The group waits for what the program leaves open.
                  await taskGroup(() => machine.execute(source, 0));
                } catch (error) {
                  if (!(error instanceof OurError || error instanceof TimeoutError || isCancelled(error))) throw error;
                }
                assert.equal(machine.left, machine.entered, "a finally block was skipped");
                assert.equal(machine.ended, machine.started, "a task did not end");
                await checkpoint();
              },
              seed === undefined ? {} : { seed },
            ),
          );
          assert.deepEqual(raised, []);
          return machine.trace;
        };
        const trace = await execute();
        assert.deepEqual(await execute(), trace, "a run can be repeated exactly");
      },
    ),
    { numRuns: 250, interruptAfterTimeLimit: 3_000, markInterruptAsFailure: false },
  );
});
