/** Rule 17: an error of a future that nobody ever looked at is reported, by the loop's `warn`, once. */
import assert from "node:assert/strict";
import test from "node:test";
import { Future, type Loop, run, sleep, taskGroup } from "coppice";
import { VirtualLoop, waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";

class ListeningLoop extends VirtualLoop {
  readonly warnings: { message: string; code: string }[] = [];
  override warn(message: string, code: string): void {
    this.warnings.push({ message, code });
  }
}

/** The warnings of a run of `fn`, in words. */
async function warningsOf(fn: () => unknown): Promise<string[]> {
  const loop = new ListeningLoop();
  await run(async () => await fn(), { loop: loop as Loop });
  for (const { code } of loop.warnings) assert.equal(code, "COPPICE_UNOBSERVED_ERROR");
  return loop.warnings.map(({ message }) => message);
}

function failed(name = "answer"): Future<void> {
  const future = new Future<void>({ name });
  future.setError(new TypeError("own"));
  return future;
}

test("an error that nobody looked at is reported at the end of the run, with its name and stack", async () => {
  const warnings = await warningsOf(() => {
    failed("answer");
  });
  assert.equal(warnings.length, 1);
  assert.match(String(warnings[0]), /the error of answer was never looked at/);
  assert.match(String(warnings[0]), /TypeError: own\n\s+at failed/);
});

test("each of several is reported, in the order in which they were set", async () => {
  const warnings = await warningsOf(() => {
    for (const name of ["a", "b", "c"]) failed(name);
  });
  assert.deepEqual(
    warnings.map((warning) => /error of (.)/.exec(warning)?.[1]),
    ["a", "b", "c"],
  );
});

const errors: Record<string, unknown> = { undefined: undefined, text: "text", object: Object.create(null) };
for (const [name, error] of Object.entries(errors)) {
  test(`whatever the error is, it is reported: ${name}`, async () => {
    const warnings = await warningsOf(() => new Future<void>().setError(error));
    assert.equal(warnings.length, 1);
  });
}

const looks: Record<string, (future: Future<void>) => unknown> = {
  "awaits it": (future) => rejection(future),
  "asks for error()": (future) => future.error(),
  "asks for result()": (future) => rejection(Promise.try(() => future.result())),
  "gives then a callback for errors": (future) => rejection(future.then(() => {})),
  "looks in a done callback": async (future) => {
    future.addDoneCallback((done) => done.error());
    await waitAllTasksBlocked();
  },
  "looks much later": async (future) => {
    await sleep(1_000);
    future.error();
  },
};

for (const [name, look] of Object.entries(looks)) {
  test(`nothing is reported where somebody ${name} after it failed`, async () => {
    assert.deepEqual(await warningsOf(() => look(failed())), []);
  });

  test(`nothing is reported where somebody ${name}, having come before it failed`, async () => {
    const warnings = await warningsOf(() =>
      taskGroup(async (group) => {
        const future = new Future<void>();
        group.spawn(async () => {
          await sleep(10);
          future.setError(new TypeError("own"));
        });
        // What may be asked only once it is done is asked in a callback.
        if (name.startsWith("asks")) future.addDoneCallback(look);
        else await look(future);
        await sleep(20);
        if (name === "looks in a done callback") await look(future);
      }),
    );
    assert.deepEqual(warnings, []);
  });
}

test("a done callback alone does not count as a look", async () => {
  const warnings = await warningsOf(async () => {
    const future = new Future<void>();
    future.addDoneCallback(() => {});
    future.setError(new TypeError("own"));
    await waitAllTasksBlocked();
    assert.deepEqual([future.done, future.cancelled], [true, false]);
  });
  assert.equal(warnings.length, 1);
});

test("one who waited and was cancelled before it failed has not looked", async () => {
  const warnings = await warningsOf(() =>
    taskGroup(async (group) => {
      const future = new Future<void>();
      const waiter = group.spawn(async () => await future);
      await waitAllTasksBlocked();
      waiter.cancel();
      future.setError(new TypeError("own"));
      await rejection(waiter);
    }),
  );
  assert.equal(warnings.length, 1);
});

test("a value, and a cancellation, by whichever way it comes, need nobody to look", async () => {
  const warnings = await warningsOf(() =>
    taskGroup(async (group) => {
      new Future<void>().setResult();
      new Future<void>().cancel();
      const task = group.spawn(() => sleep(1_000));
      task.cancel();
      new Future<void>().setError(await cancellation(task));
    }),
  );
  assert.deepEqual(warnings, []);
});

test("a task's failure is its group's affair and never reported this way", async () => {
  const warnings = await warningsOf(() =>
    rejection(
      taskGroup((group) => {
        group.spawn(() => Promise.reject(new Error("own")));
      }),
    ),
  );
  assert.deepEqual(warnings, []);
});

test("a run inside of a run does not report: those around it may still look", async () => {
  const kept: Future<void>[] = [];
  const warnings = await warningsOf(async () => {
    await run(() => {
      kept.push(failed());
    });
    assert.ok((await rejection(kept[0] as Future<void>)) instanceof TypeError);
  });
  assert.deepEqual(warnings, []);
});

test("a look after the report is nothing special, and there is no second report", async () => {
  const kept: Future<void>[] = [];
  const warnings = await warningsOf(() => {
    kept.push(failed());
  });
  assert.equal(warnings.length, 1);
  assert.ok((await rejection(kept[0] as Future<void>)) instanceof TypeError);
});

test("a run that fails reports, too", async () => {
  const loop = new ListeningLoop();
  await rejection(
    run(
      () => {
        failed();
        throw new Error("own");
      },
      { loop },
    ),
  );
  assert.equal(loop.warnings.length, 1);
});
