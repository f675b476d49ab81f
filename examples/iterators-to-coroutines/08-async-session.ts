/**
 * Iteration and cleanup that wait: `for await` over the records of a session that `await using` closes.
 *
 *   npm run example -- iterators-to-coroutines/08-async-session
 *
 * The database is made up, its delays are not: add `--real` to feel them. Opening, fetching and closing all wait, and in the
 * code that uses the session nothing shows it but the word `await`.
 */
import assert from "node:assert/strict";
import { currentLoop, sleep } from "coppice";
import { start } from "../start.ts";

const TREES = ["alder", "ash", "aspen", "beech", "birch", "cherry", "hazel"];
const PAGE_SIZE = 2;

let sessionsOpen = 0;

class Session implements AsyncDisposable {
  pagesFetched = 0;

  /** A constructor cannot wait, so this is where a session comes from. */
  static async open(): Promise<Session> {
    await sleep(100);
    sessionsOpen++;
    console.log("session opened");
    return new Session();
  }

  /** Fetches a page when the loop has come that far, not before: whoever leaves early asks for less. */
  async *query(prefix: string): AsyncGenerator<string, void> {
    const matches = TREES.filter((tree) => tree.startsWith(prefix));
    try {
      for (let from = 0; from < matches.length; from += PAGE_SIZE) {
        await sleep(200);
        this.pagesFetched++;
        yield* matches.slice(from, from + PAGE_SIZE);
      }
    } finally {
      console.log("  (cursor closed)");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await sleep(100);
    sessionsOpen--;
    console.log("session closed");
  }
}

async function report(): Promise<void> {
  await using session = await Session.open();

  console.log("trees with an a:");
  for await (const tree of session.query("a")) console.log(`  ${tree}`);
  assert.equal(session.pagesFetched, 2);

  console.log("the first tree of all:");
  for await (const tree of session.query("")) {
    console.log(`  ${tree}`);
    break;
  }
  assert.equal(session.pagesFetched, 3, "one page of four was enough");
}

await start(async () => {
  const startedAt = currentLoop().time();
  await report();
  const tookMs = Math.floor(currentLoop().time() - startedAt);

  assert.equal(sessionsOpen, 0);
  assert.ok(tookMs >= 100 + 3 * 200 + 100, "the program waited for everything, the closing included");
  console.log(`it took ${tookMs} ms`);
});
