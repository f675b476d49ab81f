/** Calling: results, errors, notifications, both ways, and what becomes of calls that wait when a connection ends. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  BrokenError,
  ClosedError,
  ConnectError,
  cancelScope,
  FrameError,
  sleep,
  sleepForever,
  TimeoutError,
  taskGroup,
  withTimeout,
} from "coppice";
import { type ByteStream, lengthPrefixed, listen, openTcp } from "coppice/net";
import { currentPeer, type Params, type Peer, type PeerOptions, RpcError, servePeer, withPeer } from "coppice/rpc";
import { waitAllTasksBlocked } from "coppice/testing";
import { networked } from "../support/network.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { serving } from "../support/talk.ts";

const methods = {
  add: (a: number, b: number) => a + b,
  echo: (...params: unknown[]) => params,
  nothing: () => {},
  refuse: () => {
    throw new RpcError(42, "refused", { why: ["because"] });
  },
  never: sleepForever,
  async later(ms: number) {
    await sleep(ms);
    return ms;
  },
};

function calling(body: (peer: Peer) => Promise<void>, options: PeerOptions = {}): Promise<void> {
  return networked(() => serving(methods, ({ port }) => withPeer(`tcp://127.0.0.1:${port}`, body, options)));
}

/** A peer whose other end is a bare stream that the test writes to. */
function againstStream(
  body: (
    peer: Peer,
    other: { stream: ByteStream; say(text: string): Promise<void>; hear(): Promise<string> },
  ) => Promise<void>,
  options: PeerOptions = {},
): Promise<void> {
  return networked(async () => {
    const listener = await listen({ port: 0 });
    await withPeer(
      `tcp://127.0.0.1:${listener.address.port}`,
      async (peer) => {
        const stream = await listener.accept();
        await listener.close();
        const framing = lengthPrefixed();
        const decoder = framing.decoder();
        const other = {
          stream,
          say: (text: string) => stream.send(framing.encode([text])),
          async hear(): Promise<string> {
            for (;;) {
              const text = decoder.nextText();
              if (text !== undefined) return text;
              const bytes = await stream.receive();
              if (bytes === undefined) throw new Error("the peer has closed the connection");
              decoder.push(bytes);
            }
          },
        };
        try {
          await body(peer, other);
        } finally {
          stream.abort();
        }
      },
      options,
    );
  });
}

test("a call gives the method's result", () =>
  calling(async (peer) => {
    assert.equal(await peer.request("add", [1, 2]), 3);
    assert.deepEqual(await peer.request("echo", { a: 1 }), [{ a: 1 }]);
    assert.deepEqual(await peer.request("echo"), []);
    assert.equal(await peer.request("nothing"), null);
  }));

test("withPeer gives the value of its body", () =>
  networked(() =>
    serving(methods, async ({ port }) => {
      const sum = await withPeer(`tcp://127.0.0.1:${port}`, (peer) => peer.request<number>("add", [20, 22]));
      assert.equal(sum, 42);
    }),
  ));

test("an error of the method is an RpcError with its code, message and data", () =>
  calling(async (peer) => {
    const error = await rejection(peer.request("refuse"));
    assert.ok(error instanceof RpcError);
    assert.deepEqual([error.code, error.message, error.data], [42, "refused", { why: ["because"] }]);
    assert.equal(error.name, "RpcError");
  }));

test("an unknown method is an RpcError", () =>
  calling(async (peer) => {
    const error = await rejection(peer.request("nope"));
    assert.ok(error instanceof RpcError);
    assert.deepEqual([error.code, error.message], [-32601, "Method not found"]);
  }));

test("the stack of a failed call leads to the caller", () =>
  calling(async (peer) => {
    const error = await rejection(callFromHere(peer));
    assert.match((error as Error).stack ?? "", /callFromHere/);
  }));

async function callFromHere(peer: Peer): Promise<void> {
  await peer.request("refuse");
}

test("a thousand calls at once are all answered, each with its own result", () =>
  calling(async (peer) => {
    await taskGroup((group) => {
      for (let index = 0; index < 1_000; index++) {
        group.spawn(async () => assert.equal(await peer.request("add", [index, 1]), index + 1));
      }
    });
  }));

test("answers are told apart by their ids, in whatever order they come", () =>
  againstStream(async (peer, other) => {
    const [first, second, third] = [peer.request("a"), peer.request("b"), peer.request("c")];
    const ids = [await other.hear(), await other.hear(), await other.hear()].map((text) => JSON.parse(text).id);
    await other.say(JSON.stringify({ jsonrpc: "2.0", id: ids[2], result: "for c" }));
    await other.say(JSON.stringify({ jsonrpc: "2.0", id: ids[0], error: { code: 1, message: "for a" } }));
    await other.say(JSON.stringify([{ jsonrpc: "2.0", id: ids[1], result: "for b" }]));
    assert.equal(await third, "for c");
    assert.equal(await second, "for b");
    assert.equal(((await rejection(first)) as Error).message, "for a");
  }));

test("an answer under an id of another kind, or under none of ours, settles nothing", () =>
  againstStream(async (peer, other) => {
    const call = peer.request("a");
    const { id } = JSON.parse(await other.hear());
    for (const wrong of [String(id), null, id + 1, `${id}.0`]) {
      await other.say(JSON.stringify({ jsonrpc: "2.0", id: wrong, result: "wrong" }));
    }
    await other.say(JSON.stringify({ jsonrpc: "2.0", id, result: "right" }));
    await other.say(JSON.stringify({ jsonrpc: "2.0", id, result: "twice" }));
    assert.equal(await call, "right");
  }));

const brokenAnswers: readonly string[] = [
  '"result":1,"error":{"code":1,"message":"x"}',
  '"error":"text"',
  '"error":{"code":"1","message":"x"}',
  '"error":{"code":1.5,"message":"x"}',
  '"error":{"code":1}',
  '"error":{"message":"x"}',
  '"error":1',
  '"error":[]',
];

for (const members of brokenAnswers) {
  test(`an answer with ${members} breaks the protocol, and fails its call alone`, () =>
    againstStream(async (peer, other) => {
      const call = rejection(peer.request("a"));
      const { id } = JSON.parse(await other.hear());
      await other.say(`{"jsonrpc":"2.0",${members},"id":${id}}`);
      const error = await call;
      assert.ok(error instanceof BrokenError);
      assert.match(error.message, /breaks the protocol/);
      const next = peer.request("b");
      await other.say(`{"jsonrpc":"2.0","result":null,"id":${JSON.parse(await other.hear()).id}}`);
      assert.equal(await next, null);
    }));
}

test("an answer without the version breaks the protocol", () =>
  againstStream(async (peer, other) => {
    const call = rejection(peer.request("a"));
    const { id } = JSON.parse(await other.hear());
    await other.say(`{"result":1,"id":${id}}`);
    assert.ok((await call) instanceof BrokenError);
  }));

test("a request is written as the original wrote it, without the params that were not given", () =>
  againstStream(async (peer, other) => {
    const calls = [peer.request("foo"), peer.request("foo", []), peer.request("foo", { a: 1 })];
    assert.equal(await other.hear(), '{"method":"foo","id":1,"jsonrpc":"2.0"}');
    assert.equal(await other.hear(), '{"method":"foo","params":[],"id":2,"jsonrpc":"2.0"}');
    assert.equal(await other.hear(), '{"method":"foo","params":{"a":1},"id":3,"jsonrpc":"2.0"}');
    await peer.notify("n", [1]);
    assert.equal(await other.hear(), '{"method":"n","params":[1],"jsonrpc":"2.0"}');
    other.stream.abort();
    for (const call of calls) await rejection(call);
  }));

test("a notification is called and nothing waits for it", () =>
  networked(() => {
    const heard: unknown[] = [];
    return serving({ note: (value: unknown) => heard.push(value) }, ({ port }) =>
      withPeer(`tcp://127.0.0.1:${port}`, async (peer) => {
        await peer.notify("note", [1]);
        await peer.notify("nope", [2]);
        await peer.notify("note", [3]);
        await waitAllTasksBlocked();
        assert.deepEqual(heard, [1, 3]);
      }),
    );
  }));

test("what was notified right before the end still arrives", () =>
  networked(async () => {
    const heard: unknown[] = [];
    await serving({ note: (value: unknown) => heard.push(value) }, ({ port }) =>
      withPeer(`tcp://127.0.0.1:${port}`, (peer) => peer.notify("note", ["last words"])),
    );
    assert.deepEqual(heard, ["last words"]);
  }));

test("params that are no array and no object are refused here, and nothing is sent", () =>
  againstStream(async (peer, other) => {
    for (const params of [1, "text", null, true] as unknown as Params[]) {
      for (const call of [peer.request("foo", params), peer.notify("foo", params)]) {
        const error = await rejection(call);
        assert.ok(error instanceof TypeError);
        assert.match(error.message, /params of "foo".*array or an object/);
      }
    }
    assert.ok((await rejection(peer.request(5 as unknown as string))) instanceof TypeError);
    await peer.notify("first");
    assert.match(await other.hear(), /"first"/);
  }));

test("params that cannot be written as JSON are refused here, and nothing is sent", () =>
  againstStream(async (peer, other) => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    assert.ok((await rejection(peer.request("foo", [1n]))) instanceof TypeError);
    assert.ok((await rejection(peer.notify("foo", cyclic))) instanceof TypeError);
    await peer.notify("first");
    assert.match(await other.hear(), /"first"/);
  }));

test("params that are something else once they are JSON are refused here, and nothing is sent", () =>
  againstStream(async (peer, other) => {
    const nothing = { toJSON: () => undefined };
    for (const params of [new Date(0), nothing] as unknown as Params[]) {
      const error = await rejection(peer.request("foo", params));
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /params of "foo": as JSON they are/);
    }
    await peer.notify("first");
    assert.match(await other.hear(), /"first"/);
  }));

test("a call above the frame limit is refused here, names the limit, and disturbs no other", () =>
  againstStream(
    async (peer, other) => {
      const error = await rejection(peer.request("foo", ["x".repeat(300)]));
      assert.ok(error instanceof FrameError);
      assert.match(error.message, /maxFrameBytes \(200\)/);
      await peer.notify("first");
      assert.match(await other.hear(), /"first"/);
    },
    { framing: lengthPrefixed({ maxFrameBytes: 200 }) },
  ));

test("both sides can call each other, from within methods too", () =>
  networked(() => {
    const server = {
      async ask(name: string) {
        const peer = currentPeer();
        assert.ok(peer);
        return `server heard: ${await peer.request("answer", [name])}`;
      },
    };
    return serving(server, ({ port }) =>
      withPeer(
        `tcp://127.0.0.1:${port}`,
        async (peer) => {
          assert.equal(await peer.request("ask", ["Ada"]), "server heard: I am Ada");
          const all = await taskGroup(async (group) => {
            const tasks = ["a", "b", "c"].map((name) => group.spawn(() => peer.request("ask", [name])));
            return [await tasks[0], await tasks[1], await tasks[2]];
          });
          assert.deepEqual(all, ["server heard: I am a", "server heard: I am b", "server heard: I am c"]);
        },
        { methods: { answer: (name: string) => `I am ${name}` } },
      ),
    );
  }));

test("calls may go back and forth a hundred levels deep", () =>
  networked(() => {
    const down = async (depth: number): Promise<number> =>
      depth === 0 ? 0 : 1 + ((await currentPeer()?.request<number>("down", [depth - 1])) ?? NaN);
    return serving({ down }, ({ port }) =>
      withPeer(`tcp://127.0.0.1:${port}`, async (peer) => assert.equal(await peer.request("down", [100]), 100), {
        methods: { down },
      }),
    );
  }));

test("a call that is cancelled is given up at once, and its late answer is ignored", () =>
  calling(async (peer) => {
    const error = await rejection(withTimeout(10, () => peer.request("later", [50])));
    assert.ok(error instanceof TimeoutError);
    await cancelScope(async (scope) => {
      const call = assertCancelledBy(scope, peer.request("later", [50]));
      scope.cancel();
      await call;
    });
    await sleep(100);
    assert.equal(await peer.request("add", [1, 1]), 2);
  }));

test("in a cancelled scope nothing is sent", () =>
  againstStream(async (peer, other) => {
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, peer.request("never"));
      await assertCancelledBy(scope, peer.notify("never"));
    });
    await peer.notify("first");
    assert.match(await other.hear(), /"first"/);
  }));

for (const [how, end] of [
  ["closes", (stream: ByteStream) => stream.close()],
  ["sends end-of-file", (stream: ByteStream) => stream.sendEof()],
  ["is cut off", async (stream: ByteStream) => stream.abort()],
] as const) {
  test(`when the other side ${how}, calls that wait and later ones are BrokenErrors, and the body goes on`, () =>
    againstStream(async (peer, other) => {
      const calls = [rejection(peer.request("a")), rejection(peer.request("b"))];
      await other.hear();
      assert.equal(peer.isClosed, false);
      await end(other.stream);
      for (const error of await Promise.all(calls)) {
        assert.ok(error instanceof BrokenError, String(error));
        assert.match(error.message, /connection/);
      }
      assert.ok(peer.isClosed);
      assert.ok((await rejection(peer.request("c"))) instanceof BrokenError);
      assert.ok((await rejection(peer.notify("c"))) instanceof BrokenError);
    }));
}

test("when the other side breaks the framing, calls that wait are BrokenErrors", () =>
  againstStream(async (peer, other) => {
    const call = rejection(peer.request("a"));
    await other.hear();
    await other.stream.send(Buffer.from([255, 255, 255, 255]));
    assert.ok((await call) instanceof BrokenError);
    assert.ok(peer.isClosed);
  }));

test("when this side closes, calls that wait and later ones are ClosedErrors", () =>
  calling(async (peer) => {
    const call = rejection(peer.request("never"));
    await waitAllTasksBlocked();
    await peer.close();
    assert.ok((await call) instanceof ClosedError);
    assert.ok(peer.isClosed);
    assert.ok((await rejection(peer.request("add", [1, 1]))) instanceof ClosedError);
    assert.ok((await rejection(peer.notify("add"))) instanceof ClosedError);
    await peer.close();
  }));

test("the end of the body closes the connection and fails what still waits", () =>
  networked(async (network) => {
    let call: Promise<unknown> | undefined;
    await serving(methods, async ({ port }) => {
      await withPeer(`tcp://127.0.0.1:${port}`, async (peer) => {
        call = rejection(peer.request("never"));
        await waitAllTasksBlocked();
      });
      assert.ok((await call) instanceof ClosedError);
      await waitAllTasksBlocked();
      assert.equal(network.openEnds, 0);
    });
  }));

test("a body that fails closes the connection, and its error is thrown", () =>
  networked(() =>
    serving(methods, async ({ port }) => {
      const bug = new Error("bug");
      const error = await rejection(
        withPeer(`tcp://127.0.0.1:${port}`, () => {
          throw bug;
        }),
      );
      assert.equal(error, bug);
    }),
  ));

test("a cancelled body aborts the connection", () =>
  networked(() =>
    serving(methods, async ({ port }) => {
      await cancelScope(async (scope) => {
        await withPeer(`tcp://127.0.0.1:${port}`, async (peer) => {
          const call = peer.request("never");
          await waitAllTasksBlocked();
          scope.cancel();
          await call;
        });
      });
    }),
  ));

test("the end of withPeer is not held up by a peer that reads nothing", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    await withTimeout(60_000, () =>
      withPeer(`tcp://127.0.0.1:${listener.address.port}`, async (peer) => {
        for (let index = 0; index < 20; index++) {
          await withTimeout(10, () => peer.notify("x", ["x".repeat(100_000)])).catch((error: unknown) => {
            if (!(error instanceof TimeoutError)) throw error;
          });
        }
      }),
    );
    const stream = await listener.accept();
    stream.abort();
    await listener.close();
  }));

test("nobody there is a ConnectError", () =>
  networked(async () => {
    const error = await rejection(withPeer("tcp://127.0.0.1:9", () => assert.fail("there is no peer")));
    assert.ok(error instanceof ConnectError);
  }));

test("a URL that is not understood is a TypeError", () =>
  networked(async () => {
    assert.ok((await rejection(withPeer("http://x", () => {}))) instanceof TypeError);
  }));

test("options that make no sense are refused before anything is opened", () =>
  networked(async (network) => {
    const listener = await listen({ port: 0 });
    for (const options of [{ maxInFlight: 0 }, { maxBatchLength: NaN }, { methods: { "rpc.x": () => 1 } }]) {
      const error = await rejection(withPeer(`tcp://127.0.0.1:${listener.address.port}`, () => {}, options));
      assert.ok(error instanceof RangeError || error instanceof TypeError);
    }
    assert.equal(network.wires.length, 0);
    await listener.close();
  }));

test("a peer may be had on any stream, and servePeer leaves its stream open", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    await taskGroup(async (group) => {
      group.spawn(async () => {
        const stream = await listener.accept();
        await servePeer(stream, { methods });
        await stream.send(Buffer.from("still open"));
        await stream.close();
      });
      const stream = await openTcp(listener.address);
      await stream.send(lengthPrefixed().encode(['{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1}']));
      await stream.sendEof();
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      assert.equal(String(Buffer.concat(chunks)), `\0\0\0\x23{"result":3,"id":1,"jsonrpc":"2.0"}still open`);
      await stream.close();
      await listener.close();
    });
  }));
