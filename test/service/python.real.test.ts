/** The same wire format in programs that share no line with this library: Python's standard library on the other side. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { BrokenError, sleep, TimeoutError, taskGroup, withTimeout } from "coppice";
import { type Peer, RpcError, withPeer } from "coppice/rpc";
import { Program } from "../support/program.ts";
import { really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";
import { startService } from "./running-service.ts";

const hasPython = spawnSync("python3", ["--version"]).status === 0;
const skip = hasPython ? false : "python3 is not installed: the independent client and server were not run";

function startPython(name: string, args: readonly string[] = []): Program {
  return new Program("python3", ["-B", `test/python/${name}`, ...args]);
}

/** Calls the Python server. */
function calling(body: (peer: Peer, server: Program) => Promise<void>, methods = {}): Promise<void> {
  return really(async () => {
    await using server = startPython("server.py");
    const port = Number((await server.prints(/port (\d+)/))[1]);
    await withTimeout(20_000, () => withPeer(`tcp://127.0.0.1:${port}`, (peer) => body(peer, server), { methods }));
    assert.equal(server.stderr, "");
  });
}

test("a client written in Python finds every promise of the service kept", { skip }, async () => {
  await using service = startService();
  const port = (await service.prints(/port (\d+)/))[1] ?? "";
  await using client = startPython("client.py", [port]);
  const { code, stdout, stderr } = await client.ended;
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.equal(stdout.match(/: holds$/gm)?.length, 11);
  const end = await service.interrupt();
  assert.deepEqual([end.code, end.stderr], [0, ""]);
});

test("results and errors come back from a server written in Python", { skip }, () =>
  calling(async (peer) => {
    assert.equal(await peer.request("add", [20, 22]), 42);
    assert.equal(await peer.request("nothing"), null);
    assert.deepEqual(await peer.request("echo", { text: "hé 😀", list: [1.5, null] }), {
      text: "hé 😀",
      list: [1.5, null],
    });
    const error = await rejection(peer.request("refuse"));
    assert.ok(error instanceof RpcError);
    assert.deepEqual([error.code, error.message, error.data], [42, "refused", { why: ["asked to"] }]);
    const unknown = await rejection(peer.request("nope"));
    assert.ok(unknown instanceof RpcError && unknown.code === -32601);
  }),
);

test("large messages pass both ways", { skip }, () =>
  calling(async (peer) => {
    const text = "é".repeat(2 * 1024 * 1024);
    assert.ok((await peer.request<string[]>("echo", [text]))[0] === text);
  }),
);

test("notifications arrive in order", { skip }, () =>
  calling(async (peer) => {
    for (let index = 0; index < 100; index++) await peer.notify("note", [index]);
    assert.deepEqual(
      await peer.request("notes"),
      Array.from({ length: 100 }, (_, index) => index),
    );
  }),
);

test("requests in flight that are answered in the opposite order each get their own answer", { skip }, () =>
  calling(async (peer) => {
    await taskGroup(async (group) => {
      const order: number[] = [];
      for (let index = 0; index < 50; index++) {
        group.spawn(async () => {
          assert.equal(await peer.request("hold", [index]), index);
          order.push(index);
        });
        // Each is sent before the next: on a slow machine one of them may have to let the event loop have its turn first.
        await sleep(0);
      }
      await peer.request("release");
      assert.deepEqual(
        order,
        Array.from({ length: 50 }, (_, index) => 49 - index),
      );
    });
  }),
);

test("slow answers come when they come, and nobody waits for another", { skip }, () =>
  calling(async (peer) => {
    const order: unknown[] = [];
    await taskGroup((group) => {
      for (const ms of [200, 1, 100]) {
        group.spawn(async () => {
          order.push(await peer.request("later", [ms]));
        });
      }
    });
    assert.deepEqual(order, [1, 100, 200]);
  }),
);

test("a call that is given up leaves the others alone, and its late answer is ignored", { skip }, () =>
  calling(async (peer) => {
    await taskGroup(async (group) => {
      const patient = group.spawn(() => peer.request("later", [100]));
      const error = await rejection(withTimeout(10, () => peer.request("later", [50])));
      assert.ok(error instanceof TimeoutError);
      assert.equal(await patient, 100);
    });
    assert.equal(await peer.request("add", [1, 1]), 2);
  }),
);

test("the server may call its caller", { skip }, () =>
  calling(
    async (peer) => {
      assert.equal(await peer.request("callBack", ["double", 21]), 42);
      const refused = await peer.request<{ code: number }>("callBack", ["nope"]);
      assert.equal(refused.code, -32601);
    },
    { double: (value: number) => 2 * value },
  ),
);

test("an answer that comes byte by byte is an answer", { skip }, () =>
  calling(async (peer) => {
    assert.equal(await peer.request("bytewise"), "byte by byte");
  }),
);

test("a server that dies in the middle of a call is a BrokenError to everyone who waits", { skip }, () =>
  calling(async (peer, server) => {
    const calls = [rejection(peer.request("later", [60_000])), rejection(peer.request("die"))];
    for (const error of await Promise.all(calls)) assert.ok(error instanceof BrokenError, String(error));
    assert.ok((await rejection(peer.request("add", [1, 1]))) instanceof BrokenError);
    assert.equal((await server.ended).code, 0);
  }),
);

test("a server that dies in the middle of an answer is a BrokenError too", { skip }, () =>
  calling(async (peer) => {
    const error = await rejection(peer.request("half"));
    assert.ok(error instanceof BrokenError, String(error));
    assert.ok(peer.isClosed);
  }),
);
