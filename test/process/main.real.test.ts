/** `main` in processes of its own: exit codes, signals, and servers that drain. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ConnectError } from "coppice";
import { openTcp } from "coppice/net";
import { RpcError, withPeer } from "coppice/rpc";
import { type Program, startFile } from "../support/program.ts";
import { really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";

const start = (name: string): Program => startFile("test/process/main-program.ts", [name]);

test("a program that returns ends with 0", async () => {
  await using program = start("returns");
  assert.deepEqual(await program.ended, { code: 0, signal: null, stdout: "done\n", stderr: "" });
});

test("a program may run on another loop, and is asked to stop there", async () => {
  await using program = start("another loop");
  await program.prints(/^selector\nready\n/);
  const { code, stderr } = await program.interrupt();
  assert.deepEqual([code, stderr], [0, ""]);
});

test("an event loop given for the loop that it stands for is refused: nothing runs, and it ends with 1", async () => {
  await using program = start("an event loop for a loop");
  const { code, stdout, stderr } = await program.ended;
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^TypeError: run: expected a Loop \(of an EventLoop, pass eventLoop\.loop\)/);
});

test("an exit code that the program has set is kept", async () => {
  await using program = start("sets exitCode");
  const { code, stderr } = await program.ended;
  assert.deepEqual([code, stderr], [3, ""]);
});

test("an error ends it with 1, and stands on standard error with its stack", async () => {
  await using program = start("throws");
  const { code, stderr } = await program.ended;
  assert.equal(code, 1);
  assert.match(stderr, /^TypeError: boom\n +at boom \(.*main-program\.ts:\d+/);
});

test("a thrown value that is no error ends it with 1 and is shown", async () => {
  await using program = start("throws text");
  const { code, stderr } = await program.ended;
  assert.equal(code, 1);
  assert.match(stderr, /only text/);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  const cutOffCode = signal === "SIGINT" ? 130 : 143;

  test(`one ${signal} asks for an orderly end, which is 0`, async () => {
    await using program = start("ends in order");
    await program.prints(/ready/);
    const { code, stdout, stderr } = await program.interrupt(signal);
    assert.deepEqual([code, stdout, stderr], [0, "ready\nstopping\nended in order\n", ""]);
  });

  test(`after one ${signal} and the grace period, what still runs is cancelled: ${cutOffCode}`, async () => {
    await using program = start("takes longer than its grace");
    await program.prints(/ready/);
    const { code, stdout, stderr } = await program.interrupt(signal);
    assert.deepEqual([code, stdout, stderr], [cutOffCode, "ready\ncleaned up\n", ""]);
  });

  test(`${signal} twice cancels at once: ${cutOffCode}`, async () => {
    await using program = start("takes for ever");
    await program.prints(/ready/);
    program.signal(signal);
    // Two of one kind that come together are one to the system.
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(program.child.exitCode, null);
    const { code, stdout, stderr } = await program.interrupt(signal);
    assert.deepEqual([code, stdout, stderr], [cutOffCode, "ready\ncleaned up\n", ""]);
  });
}

test("two different signals are two: the first one names the exit code", async () => {
  await using program = start("takes for ever");
  await program.prints(/ready/);
  program.signal("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { code } = await program.interrupt("SIGINT");
  assert.equal(code, 143);
});

test("an error while stopping is still an error: 1", async () => {
  await using program = start("fails while stopping");
  await program.prints(/ready/);
  const { code, stderr } = await program.interrupt();
  assert.equal(code, 1);
  assert.match(stderr, /^TypeError: boom/);
});

test("a program that was cut off ends though something foreign would hold its process", async () => {
  await using program = start("holds the process");
  await program.prints(/ready/);
  const { code, stdout } = await program.interrupt();
  assert.deepEqual([code, stdout], [130, "ready\ncleaned up\n"]);
});

test("a third signal ends the process even where cancellation does not reach", async () => {
  await using program = start("is stuck in a foreign wait");
  await program.prints(/ready/);
  for (let count = 0; count < 2; count++) {
    program.signal("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(program.child.signalCode, null);
  }
  const { code, signal } = await program.interrupt();
  assert.deepEqual([code, signal], [null, "SIGINT"]);
});

test("main leaves no signal listener behind", async () => {
  await using program = start("runs two mains");
  const { code, stdout } = await program.ended;
  assert.deepEqual([code, stdout], [0, "first\nsecond\n0 and 0 listeners\n"]);
});

test("a server drains on the first signal: it answers what it has begun, refuses what is new, and ends with 0", () =>
  really(async () => {
    await using program = start("serves");
    const port = Number((await program.prints(/port (\d+)/))[1]);
    await withPeer(`tcp://127.0.0.1:${port}`, async (peer) => {
      const slow = peer.request("slow");
      await program.prints(/working/);
      program.signal("SIGTERM");
      // It has heard the signal when it refuses.
      let refusal: unknown;
      while (refusal === undefined) {
        refusal = await peer.request("foo").then(
          () => undefined,
          (error: unknown) => error,
        );
      }
      assert.ok(refusal instanceof RpcError, String(refusal));
      assert.equal(refusal.code, -32000);
      assert.ok((await rejection(openTcp({ port }))) instanceof ConnectError);
      assert.equal(await slow, "finished");
      assert.ok((await rejection(peer.request("foo"))) instanceof BrokenError || peer.isClosed);
    });
    const { code, stdout, stderr } = await program.ended;
    assert.deepEqual([code, stdout.split("\n").slice(1), stderr], [0, ["working", "drained", ""], ""]);
  }));

test("a server with idle connections ends on the first signal", () =>
  really(async () => {
    await using program = start("serves");
    const port = Number((await program.prints(/port (\d+)/))[1]);
    await using idle = await openTcp({ port });
    await withPeer(`tcp://127.0.0.1:${port}`, async (peer) => {
      assert.equal(await peer.request("foo"), "ok");
      const { code } = await program.interrupt("SIGINT");
      assert.equal(code, 0);
    });
    assert.equal(await idle.receive(), undefined);
  }));
