/** Rule 12: background tasks are cancelled once the body and all other children are done; that is no cancellation of the group's scope. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  channel,
  currentLoop,
  currentScope,
  isCancelled,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
} from "coppice";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const BACKGROUND = { background: true } as const;
const ownError = new Error("own");

/** Runs until it is cancelled, and notes when that was. */
function noting(log: string[], name = "background"): () => Promise<void> {
  return async () => {
    try {
      await sleepForever();
    } finally {
      log.push(`${name} cut at ${currentLoop().time()}`);
    }
  };
}

test("a background task is cancelled once the body and all other children are done", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(async (group) => {
      group.spawn(noting(log), BACKGROUND);
      group.spawn(() => sleep(30));
      await sleep(10);
    });
    assert.deepEqual(log, ["background cut at 30"]);
  }));

test("it is not cancelled while the body alone goes on", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(async (group) => {
      group.spawn(noting(log), BACKGROUND);
      group.spawn(() => sleep(10));
      await sleep(50);
      assert.deepEqual(log, []);
    });
    assert.deepEqual(log, ["background cut at 50"]);
  }));

test("a group of background tasks alone ends with its body, and gives its value", () =>
  virtually(async () => {
    const log: string[] = [];
    const value = await taskGroup((group) => {
      group.spawn(noting(log, "a"), BACKGROUND);
      group.spawn(noting(log, "b"), BACKGROUND);
      return "value";
    });
    assert.equal(value, "value");
    assert.deepEqual(log, ["a cut at 0", "b cut at 0"]);
  }));

test("that is no cancellation of the group's scope, nor of one around it", () =>
  virtually(async () => {
    const seen: CancelScope[] = [];
    const value = await cancelScope(async (outer) => {
      seen.push(outer);
      return await taskGroup(async (group) => {
        seen.push(currentScope());
        group.spawn(sleepForever, BACKGROUND);
        return "value";
      });
    });
    assert.equal(value, "value");
    for (const scope of seen) assert.deepEqual([scope.cancelCalled, scope.cancelledCaught], [false, false]);
  }));

test("the cancellation says why, and the task counts as cancelled", () =>
  virtually(async () => {
    const [task] = await taskGroup((group) => [group.spawn(sleepForever, { ...BACKGROUND, name: "heartbeat" })]);
    assert.ok(task.cancelled);
    const error = task.error();
    assert.ok(isCancelled(error));
    assert.match(
      String(error.message),
      /task group .* was cancelled by its task group: the other tasks of the group are done/,
    );
  }));

test("a background task that has ended early is nothing special", () =>
  virtually(async () => {
    const [task] = await taskGroup(async (group) => {
      const early = group.spawn(() => "early", BACKGROUND);
      await sleep(10);
      assert.equal(early.result(), "early");
      return [early];
    });
    assert.equal(await task, "early");
  }));

test("the body, and a sibling, may await a background task", () =>
  virtually(async () => {
    const value = await taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await sleep(10);
        return 20;
      }, BACKGROUND);
      const sibling = group.spawn(async () => (await task) + 1);
      return (await task) + (await sibling);
    });
    assert.equal(value, 41);
  }));

test("somebody outside who awaits a background task gets its cancellation", () =>
  virtually(() =>
    taskGroup(async (outer) => {
      const cut = await taskGroup(async (group) => {
        const task = group.spawn(sleepForever, BACKGROUND);
        return [outer.spawn(() => rejection(task))];
      });
      assert.ok(isCancelled(await cut[0]));
    }),
  ));

test("its cleanup is awaited", () =>
  virtually(async () => {
    let isClean = false;
    await taskGroup((group) => {
      group.spawn(async () => {
        try {
          await sleepForever();
        } finally {
          await shield(() => sleep(100));
          isClean = true;
        }
      }, BACKGROUND);
    });
    assert.equal(isClean, true);
    assert.equal(currentLoop().time(), 100);
  }));

test("one that is cancelled before it has run still runs to its first checkpoint", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup((group) => {
      group.spawn(async () => {
        log.push("entered");
        await sleepForever();
      }, BACKGROUND);
    });
    assert.deepEqual(log, ["entered"]);
  }));

test("a failing background task fails the group", () =>
  virtually(async () => {
    const error = await rejection(
      taskGroup(async (group) => {
        group.spawn(async () => {
          await sleep(10);
          throw ownError;
        }, BACKGROUND);
        await sleepForever();
      }),
    );
    assert.equal(error, ownError);
  }));

test("one that fails in its cleanup fails the group, after the others are done, too", () =>
  virtually(async () => {
    const log: string[] = [];
    const error = await rejection(
      taskGroup((group) => {
        group.spawn(async () => {
          try {
            await sleepForever();
          } finally {
            // biome-ignore lint/correctness/noUnsafeFinally: the cleanup fails.
            throw ownError;
          }
        }, BACKGROUND);
        group.spawn(noting(log), BACKGROUND);
        return "never seen";
      }),
    );
    assert.equal(error, ownError);
    assert.deepEqual(log, ["background cut at 0"]);
  }));

test("a failure in the cleanup of one cuts the shieldless cleanup of another, and a second failure is kept with it", () =>
  virtually(async () => {
    const later = new Error("later");
    const error = await rejection(
      taskGroup((group) => {
        group.spawn(async () => {
          await sleepForever().catch(() => {});
          throw ownError;
        }, BACKGROUND);
        group.spawn(async () => {
          await sleepForever().catch(() => {});
          await shield(() => sleep(10));
          throw later;
        }, BACKGROUND);
      }),
    );
    assert.equal(error, ownError);
    assert.deepEqual(suppressedErrors(error), [later]);
  }));

test("a foreground task spawned by a background task keeps the group open, and is not cancelled with it", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup((group) => {
      group.spawn(async () => {
        group.spawn(async () => {
          await sleep(50);
          log.push("foreground done");
        });
        await noting(log)();
      }, BACKGROUND);
    });
    assert.deepEqual(log, ["foreground done", "background cut at 50"]);
  }));

test("a foreground task spawned in the cleanup of a background task runs to its end", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup((group) => {
      group.spawn(async () => {
        try {
          await sleepForever();
        } finally {
          group.spawn(async () => {
            await sleep(20);
            log.push("flushed");
          });
        }
      }, BACKGROUND);
    });
    assert.deepEqual(log, ["flushed"]);
  }));

test("a background task spawned when the others were cut is cut at its first checkpoint", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup((group) => {
      group.spawn(async () => {
        try {
          await sleepForever();
        } finally {
          group.spawn(noting(log, "late"), BACKGROUND);
          await shield(() => sleep(10));
        }
      }, BACKGROUND);
    });
    assert.deepEqual(log, ["late cut at 0"]);
  }));

test("late foreground tasks, one by another, keep background tasks alive", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup((group) => {
      group.spawn(noting(log), BACKGROUND);
      const chain = async (left: number): Promise<void> => {
        await sleep(10);
        if (left > 0) group.spawn(() => chain(left - 1));
      };
      group.spawn(() => chain(4));
    });
    assert.deepEqual(log, ["background cut at 50"]);
  }));

test("background tasks serve the others to their end", () =>
  virtually(async () => {
    const answers = await taskGroup(async (group) => {
      const [questions, asked] = channel<(answer: number) => void>(0);
      group.spawn(async () => {
        let count = 0;
        for await (const answer of asked) answer(count++);
      }, BACKGROUND);
      const ask = async (): Promise<number> => {
        const { promise, resolve } = Promise.withResolvers<number>();
        await questions.send(resolve);
        return await promise;
      };
      const tasks = [group.spawn(ask), group.spawn(ask)];
      return [await ask(), await tasks[0], await tasks[1]];
    });
    assert.deepEqual(answers.sort(), [0, 1, 2]);
  }));

test("cancelAll reaches background tasks, and those spawned later", () =>
  virtually(async () => {
    const reasons: unknown[] = [];
    const noteReason = async (): Promise<void> => {
      const error = await cancellation(sleepForever());
      reasons.push(error.reason);
      throw error;
    };
    await taskGroup(async (group) => {
      group.spawn(noteReason, BACKGROUND);
      await sleep(10);
      group.cancelAll("over");
      await sleep(10);
      assert.deepEqual(reasons, ["over"]);
      group.spawn(noteReason, BACKGROUND);
      await sleep(10);
      assert.deepEqual(reasons, ["over", "over"]);
    });
  }));
