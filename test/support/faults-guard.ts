/**
 * What a fault must not do: leave descriptors or handles behind, raise rejections that nobody handles or warnings of the system, disturb
 * a connection beside it. One guard for runs on any loop of the real world, and a bystander for runs on any loop.
 */
import assert from "node:assert/strict";
import { run, sleep, taskGroup, until, withTimeout } from "coppice";
import type { ByteStream } from "coppice/net";
import type { Loop } from "../../src/kernel/ports.ts";
import { descriptorCount } from "./real.ts";
import { unhandledDuring } from "./unhandled.ts";

/** A fault that has not come to its end by then hangs. */
const PATIENCE_MS = 20_000;
/** How many messages a bystander has answered after the fault before it counts as undisturbed. */
const ROUNDS_AFTER = 3;

/** What holds the process open, counted by kind. The poll below is an immediate itself. */
function handles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (name !== "Immediate") counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** The kinds of which there are more than in `before`. */
function grown(before: ReadonlyMap<string, number>): string[] {
  return [...handles()].filter(([name, count]) => count > (before.get(name) ?? 0)).map(([name]) => name);
}

/** Runs `fn` on `loop`, which is given up by `end`; fails if anything is left, or was said that nobody should hear. */
export async function harmless(
  fn: () => Promise<void>,
  { loop, end = () => {} }: { loop?: Loop; end?: () => void } = {},
): Promise<void> {
  const descriptors = descriptorCount();
  const before = handles();
  const warnings: Error[] = [];
  const warned = (warning: Error): void => {
    warnings.push(warning);
  };
  process.on("warning", warned);
  try {
    const reasons = await unhandledDuring(async () => {
      try {
        await run(() => withTimeout(PATIENCE_MS, fn), loop === undefined ? {} : { loop });
      } finally {
        end();
      }
    });
    assert.deepEqual(reasons, [], "rejections that nobody handled");
    await settled(
      () => grown(before).length === 0,
      () => `left open: ${grown(before).join(", ")}`,
    );
    await settled(
      () => descriptorCount() <= descriptors,
      () => `${descriptorCount()} descriptors are open, it was ${descriptors} before`,
    );
    assert.deepEqual(warnings.map(String), [], "warnings");
  } finally {
    process.off("warning", warned);
  }
}

/** Polls by turns, so that no timer of its own is counted. */
async function settled(isTrue: () => boolean, what: () => string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (performance.now() > end) assert.fail(what());
    await new Promise(setImmediate);
  }
}

/** Calls `body` while a pair that `connect` gives talks without a pause: not a byte of that may be lost, and it goes on afterwards. */
export function withBystander(
  connect: () => Promise<readonly [ByteStream, ByteStream]>,
  body: () => Promise<void>,
): Promise<void> {
  return taskGroup(async (group) => {
    const [client, server] = await connect();
    group.spawn(
      async () => {
        for await (const chunk of server) await server.send(chunk);
        await server.close();
      },
      { name: "bystander's server" },
    );
    const proof = Promise.withResolvers<void>();
    let rounds = 0;
    let goal = Infinity;
    group.spawn(
      async () => {
        while (rounds < goal) {
          const message = Buffer.from(`message ${rounds++}`.padEnd(50, "."));
          await client.send(message);
          assert.equal(String(await readExactly(client, message.length)), String(message));
          await sleep(1);
        }
        await client.sendEof();
        assert.equal(await client.receive(), undefined);
        await client.close();
        proof.resolve();
      },
      { name: "bystander's client" },
    );
    try {
      await body();
      goal = rounds + ROUNDS_AFTER;
      await until(proof.promise);
    } finally {
      client.abort();
      server.abort();
    }
  });
}

async function readExactly(stream: ByteStream, count: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let missing = count; missing > 0; ) {
    const chunk = await stream.receive(missing);
    assert.ok(chunk !== undefined, "the bystander's connection has ended");
    chunks.push(chunk);
    missing -= chunk.length;
  }
  return Buffer.concat(chunks);
}
