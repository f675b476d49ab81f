/** The selector loop under everything that is built on loops, and beside what is Node's. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { BrokenError, ConnectError, currentLoop, InvalidStateError, ListenError, run, sleep, taskGroup } from "coppice";
import { type ByteStream, listen, listenUnix, openTcp, openUdp, openUnix, serve } from "coppice/net";
import { servePeer, withPeer } from "coppice/rpc";
import { SelectorLoop } from "../../src/loops/selector/loop.ts";
import { descriptorCount } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";

/** Runs `fn` on a loop of its own, and fails if more than the loop's own descriptor is left when the run is over. */
async function onSelector(fn: (loop: SelectorLoop) => unknown): Promise<void> {
  const before = descriptorCount();
  const loop = new SelectorLoop();
  await run(() => fn(loop), { loop });
  // Ends that nobody waited for have their turn.
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  const after = descriptorCount();
  assert.ok(after <= before + 1, `${after} descriptors are open, it was ${before} before`);
  loop.close();
  assert.equal(descriptorCount(), before);
}

async function echo(stream: ByteStream): Promise<void> {
  for await (const bytes of stream) await stream.send(bytes);
}

async function readText(stream: ByteStream): Promise<string> {
  let text = "";
  for await (const bytes of stream) text += Buffer.from(bytes).toString();
  return text;
}

test("streams and serve, TCP and Unix", () =>
  onSelector(() =>
    taskGroup(async (group) => {
      const directory = mkdtempSync(join(tmpdir(), "coppice-"));
      const path = join(directory, "socket");
      const listener = await listen({ port: 0 });
      const named = await listenUnix({ path });
      group.spawn(() => serve(listener, echo), { background: true });
      group.spawn(() => serve(named, echo), { background: true });
      const large = "0123456789".repeat(200_000);
      await taskGroup((clients) => {
        for (let index = 0; index < 20; index++) {
          clients.spawn(async () => {
            await using stream = await (index % 2 === 0 ? openTcp(listener.address) : openUnix({ path }));
            await taskGroup(async (both) => {
              both.spawn(async () => {
                await stream.send(Buffer.from(large));
                await stream.sendEof();
              });
              assert.equal((await readText(stream)).length, large.length);
            });
          });
        }
      });
      rmSync(directory, { recursive: true });
    }),
  ));

test("a close is orderly though the peer has sent something that nobody read", () =>
  onSelector(() =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      const accepted = group.spawn(() => listener.accept());
      await using client = await openTcp(listener.address);
      const server = await accepted;
      await client.send(Buffer.from("never read"));
      await server.send(Buffer.from("the answer"));
      await server.close();
      assert.equal(await readText(client), "the answer");
      await listener.close();
    }),
  ));

test("datagrams", () =>
  onSelector(async () => {
    await using server = await openUdp({ host: "127.0.0.1", port: 0 });
    await using client = await openUdp({ host: "127.0.0.1", port: 0 });
    await client.send(Buffer.from("hello"), server.localAddress);
    const { bytes, from } = await server.receive();
    assert.deepEqual([Buffer.from(bytes).toString(), from], ["hello", client.localAddress]);
  }));

test("remote calls, many at a time", () =>
  onSelector(() =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      group.spawn(
        () => serve(listener, (stream) => servePeer(stream, { methods: { add: (a: number, b: number) => a + b } })),
        {
          background: true,
        },
      );
      const stream = await openTcp(listener.address);
      await withPeer(stream, async (peer) => {
        const sums = await Promise.all(Array.from({ length: 500 }, (_, index) => peer.request("add", [index, 1])));
        assert.deepEqual(
          sums,
          Array.from({ length: 500 }, (_, index) => index + 1),
        );
      });
    }),
  ));

test("system errors come as with Node's loop: refused, in use, broken", () =>
  onSelector(() =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      const inUse = await rejection(listen(listener.address));
      assert.ok(inUse instanceof ListenError);
      assert.equal(inUse.systemCode, "EADDRINUSE");
      const accepted = group.spawn(() => listener.accept());
      const stream = await openTcp(listener.address);
      (await accepted).abort();
      assert.ok((await rejection(stream.receive())) instanceof BrokenError);
      await stream.close();
      await listener.close();
      const refused = await rejection(openTcp(listener.address));
      assert.ok(refused instanceof ConnectError);
      assert.equal(refused.systemCode, "ECONNREFUSED");
    }),
  ));

test("a flood on one connection starves nobody: timers, files, child processes, other sockets of Node", () =>
  onSelector(() =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      group.spawn(() => serve(listener, echo), { background: true });
      const flood = group.spawn(
        async () => {
          await using stream = await openTcp(listener.address);
          await stream.send(new Uint8Array(100));
          await echo(stream);
        },
        { background: true },
      );
      await sleep(1);
      assert.ok((await readFile(import.meta.filename)).length > 0);
      const child = spawn(process.execPath, ["--eval", "process.stdout.write('from the child')"]);
      const output = (await child.stdout.toArray()).join("");
      assert.equal(output, "from the child");
      const { port } = listener.address;
      const foreign = createConnection(port, "127.0.0.1", () => foreign.end("node's own"));
      assert.equal((await foreign.toArray()).join(""), "node's own");
      assert.equal(flood.done, false);
    }),
  ));

test("connections that are idle cost no turns", () =>
  onSelector(() =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      group.spawn(() => serve(listener, echo), { background: true });
      await using stream = await openTcp(listener.address);
      await stream.send(new Uint8Array(1));
      await stream.receive();
      const { loopCount } = performance.nodeTiming.uvMetricsInfo;
      await sleep(100);
      const turns = performance.nodeTiming.uvMetricsInfo.loopCount - loopCount;
      assert.ok(turns < 20, `${turns} turns while nothing happened`);
    }),
  ));

test("callbacks of afterTurn run once the microtasks of the turn have run dry, in order, on a turn of the network, too", () =>
  onSelector(() =>
    taskGroup(async (group) => {
      const check = async (): Promise<void> => {
        const loop = currentLoop();
        const log: string[] = [];
        loop.afterTurn(() => log.push("first"));
        loop.afterTurn(() => log.push("second"));
        for (let step = 0; step < 50; step++) await Promise.resolve();
        assert.deepEqual(log, []);
        await sleep(0);
        assert.deepEqual(log, ["first", "second"]);
      };
      await check();
      const listener = await listen({ port: 0 });
      group.spawn(() => serve(listener, echo), { background: true });
      await using stream = await openTcp(listener.address);
      await stream.send(new Uint8Array(1));
      await stream.receive();
      await check();
    }),
  ));

test("one loop serves several runs, one after the other and at a time", async () => {
  const before = descriptorCount();
  using loop = new SelectorLoop();
  const once = (): Promise<void> =>
    run(
      () =>
        taskGroup(async (group) => {
          const listener = await listen({ port: 0 });
          group.spawn(() => serve(listener, echo), { background: true });
          await using stream = await openTcp(listener.address);
          await stream.send(Buffer.from("hello"));
          await stream.sendEof();
          assert.equal(await readText(stream), "hello");
        }),
      { loop },
    );
  await once();
  await Promise.all([once(), once()]);
  loop.close();
  assert.equal(descriptorCount(), before);
});

/** Notes its beginnings and its ends. */
class Ends {
  readonly lost: (string | undefined)[] = [];
  #made = 0;
  #tell: () => void = () => {};

  /** Settles once two ends are connected. */
  readonly bothMade: Promise<void> = new Promise((resolve) => {
    this.#tell = resolve;
  });

  connectionMade(): void {
    if (++this.#made === 2) this.#tell();
  }

  connectionLost(error: Error | undefined): void {
    this.lost.push(error?.name);
  }

  dataReceived(): void {}
  datagramReceived(): void {}
  errorReceived(): void {}
  eofReceived(): void {}
  pauseWriting(): void {}
  resumeWriting(): void {}
}

test("close is refused while a run is under way, drops what was left open, and is final", async () => {
  const before = descriptorCount();
  const loop = new SelectorLoop();
  const ends = new Ends();
  const handler = { accepted: () => ends, acceptFailed: assert.fail };
  const here = { address: { host: "127.0.0.1", port: 0 } };
  await run(
    async () => {
      assert.throws(() => loop.close(), InvalidStateError);
      const { address } = await loop.network.listen(here, handler);
      loop.network.connect({ address }, ends);
      await ends.bothMade;
    },
    { loop },
  );
  loop.close();
  loop.close();
  assert.equal(descriptorCount(), before);
  await new Promise(setImmediate);
  assert.deepEqual(ends.lost, [undefined, undefined]);
  const closed = { name: "ClosedError", message: /SelectorLoop that was closed/ };
  await assert.rejects(loop.network.listen(here, handler), closed);
  await assert.rejects(loop.network.openDatagrams({}, ends), closed);
  loop.network.connect(here, ends);
  await new Promise(setImmediate);
  assert.deepEqual(ends.lost, [undefined, undefined, "ClosedError"]);
  assert.equal(await run(() => sleep(1).then(() => "timers go on"), { loop }), "timers go on");
});
