/** Tests for Vitest: some pass, and those whose names say so fail. Run by vitest.real.test.ts. */
import { currentLoop, Event, sleep, taskGroup } from "coppice";
import { memoryPair } from "coppice/net";
import { checkHalfCloseableStream, real, virtual } from "coppice/testing";
import { test as base, describe, expect, test } from "vitest";

describe("virtual", () => {
  test(
    "passes and takes no time",
    virtual(async ({ task }) => {
      await sleep(24 * 60 * 60 * 1_000);
      expect(currentLoop().time()).toBe(86_400_000);
      expect(task.name).toBe("passes and takes no time");
    }),
  );

  test(
    "passes with host timers",
    virtual(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 60_000));
        expect(Date.now()).toBe(Date.UTC(2000, 0, 1) + 60_000);
      },
      { hostTimers: true, runs: 10 },
    ),
  );

  const extended = base.extend<{ greeting: string }>({
    // biome-ignore lint/correctness/noEmptyPattern: Vitest asks for it.
    greeting: async ({}, use) => {
      await use("hello");
    },
  });
  extended(
    "passes with fixtures",
    virtual(async ({ greeting }: { greeting: string }) => {
      await sleep(1);
      expect(greeting).toBe("hello");
    }),
  );

  test(
    "fails with an assertion and a seed",
    virtual(
      async () => {
        await sleep(1);
        expect(1).toBe(2);
      },
      { seed: 42 },
    ),
  );

  test(
    "fails with a deadlock",
    virtual(() => new Event().wait()),
  );

  test(
    "fails with a leak",
    virtual(() => {
      void taskGroup(function poll() {
        return sleep(1_000);
      });
    }),
  );
});

describe("real", () => {
  test(
    "passes",
    real(async () => {
      await sleep(1);
    }),
  );

  test(
    "fails with what was blocked",
    real(
      () =>
        taskGroup((group) => {
          group.spawn(() => sleep(60_000), { name: "sleeper" });
        }),
      { timeoutMs: 50 },
    ),
  );
});

describe("the conformance kit of streams", () => {
  test(
    "passes for a stream that keeps the contract",
    virtual(() => checkHalfCloseableStream(async () => memoryPair())),
  );

  test(
    "fails for a stream that breaks a rule",
    virtual(() =>
      checkHalfCloseableStream(async () => {
        const pair = memoryPair();
        pair[0].sendEof = () => pair[0].close();
        return pair;
      }),
    ),
  );
});
