/** The wrappers under Vitest itself: the tests of `vitest/wrapped.fixture.ts`, in a process of their own. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Program, ROOT } from "../support/program.ts";

interface Outcome {
  readonly title: string;
  readonly status: "passed" | "failed";
  readonly failureMessages: readonly string[];
}

async function runVitest(): Promise<Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), "coppice-vitest-"));
  try {
    const report = join(folder, "report.json");
    const args = ["run", "--root", join(ROOT, "test/testing/vitest"), "--reporter=json", `--outputFile=${report}`];
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined, COPPICE_SEED: undefined };
    const vitest = new Program(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), ...args], { env });
    const { code, stdout, stderr } = await vitest.ended;
    assert.equal(code, 1, `${stdout}${stderr}`);
    const { testResults } = JSON.parse(await readFile(report, "utf8")) as {
      testResults: { assertionResults: Outcome[] }[];
    };
    return testResults.flatMap(({ assertionResults }) => assertionResults);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("under Vitest, wrapped tests pass and fail as they should, and say why", async () => {
  const outcomes = await runVitest();
  for (const { title, status, failureMessages } of outcomes) {
    assert.equal(status, title.startsWith("passes") ? "passed" : "failed", `${title}: ${failureMessages}`);
  }
  const failures = Object.fromEntries(
    outcomes.map(({ title, failureMessages }) => [title, failureMessages.join("\n")]),
  );
  assert.equal(outcomes.length, 10);
  assert.match(failures["fails with an assertion and a seed"] ?? "", /expected 1 to be 2[\s\S]*COPPICE_SEED=42/);
  assert.match(failures["fails with a deadlock"] ?? "", /^DeadlockError: every task is blocked/);
  assert.match(
    failures["fails with a leak"] ?? "",
    /^LeakError: the test left 2 things[\s\S]*wrapped\.fixture\.ts:\d+/,
  );
  assert.match(failures["fails with what was blocked"] ?? "", /took longer than 50 ms[\s\S]*task "sleeper" waits/);
  assert.match(
    failures["fails for a stream that breaks a rule"] ?? "",
    /^AssertionError.*: checkHalfCloseableStream: the stream breaks a rule: after sendEof .*\nSeen: receive\(\) at the first end/,
  );
});
