/** How connections end: by the peer, by a broken frame, by a stop, by a cancellation; and what becomes of the work. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  BrokenError,
  type CancelScope,
  cancelScope,
  currentLoop,
  isCancelled,
  shield,
  sleep,
  sleepForever,
  taskGroup,
} from "coppice";
import { lengthPrefixed, listen, openTcp } from "coppice/net";
import { currentPeer, serveRpc, withPeer } from "coppice/rpc";
import { waitAllTasksBlocked } from "coppice/testing";
import { networked } from "../support/network.ts";
import { rejection } from "../support/rejection.ts";
import {
  failed,
  notification,
  ok,
  request,
  serving,
  type Talk,
  talking,
  talkingTo,
  withoutData,
} from "../support/talk.ts";

/** Methods that note how they ended. */
function noting(): { methods: { never(): Promise<void>; foo(): string }; ends: string[] } {
  const ends: string[] = [];
  return {
    ends,
    methods: {
      async never() {
        try {
          await sleepForever();
        } catch (error) {
          ends.push(isCancelled(error) ? "cancelled" : "failed");
          throw error;
        } finally {
          await shield(() => sleep(5));
          ends.push("cleaned up");
        }
      },
      foo: () => "ok",
    },
  };
}

for (const [how, leave] of [
  ["closes", (talk: Talk) => talk.stream.close()],
  ["half closes", (talk: Talk) => talk.stream.sendEof()],
  ["is cut off", async (talk: Talk) => talk.stream.abort()],
] as const) {
  test(`when the client ${how}, its requests and notifications are cancelled, and their cleanup is waited for`, () =>
    networked(() => {
      const { methods, ends } = noting();
      return serving(methods, async (service) => {
        await service.open(async (bystander) => {
          await service.open(async (talk) => {
            await talk.ask(request("never"), notification("never"), `[${request("never")},${request("foo")}]`);
            await leave(talk);
            await sleep(10);
          });
          assert.deepEqual(ends.sort(), [...Array(3).fill("cancelled"), ...Array(3).fill("cleaned up")]);
          assert.deepEqual(await bystander.ask(request("foo")), [ok("ok")]);
        });
      });
    }));
}

test("a client that is gone is noticed though as many requests as may be are being worked on", () =>
  networked(() => {
    const { methods, ends } = noting();
    return serving(
      methods,
      async (service) => {
        for (const leave of [(talk: Talk) => talk.stream.close(), async (talk: Talk) => talk.stream.abort()]) {
          await service.open(async (talk) => {
            await talk.ask(request("never"), request("never"), request("foo"));
            await leave(talk);
            await sleep(10);
            assert.equal(ends.splice(0).length, 4);
          });
        }
      },
      { maxInFlight: 2 },
    );
  }));

test("requests that need no wait are answered to a client that has half closed", () =>
  networked(() =>
    talking({ add: (a: number, b: number) => a + b, later: async () => "soon" }, async (talk) => {
      await talk.send(request("add", [1, 2], "a"), request("later", [], "b"));
      await talk.stream.sendEof();
      const answers = (await talk.heard()).map((text) => JSON.parse(text));
      assert.deepEqual(answers, [ok(3, "a"), ok("soon", "b")]);
      assert.equal(talk.end, "end-of-file");
    }),
  ));

test("the end of a client fails the calls that methods have made to it", () =>
  networked(() => {
    const errors: unknown[] = [];
    const methods = {
      async callBack() {
        errors.push(await rejection(shield(async () => await currentPeer()?.request("never"))));
      },
    };
    return serving(methods, async (service) => {
      await service.open(async (talk) => {
        assert.equal((await talk.ask(request("callBack"))).length, 1);
      });
      await waitAllTasksBlocked();
      assert.equal(errors.length, 1);
      assert.ok(errors[0] instanceof BrokenError);
    });
  }));

interface BrokenFrame {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly endsInput?: boolean;
  readonly why: RegExp;
}

const brokenFrames: readonly BrokenFrame[] = [
  { name: "a length below zero", bytes: Buffer.from([0xff, 0xff, 0xff, 0xff]), why: /-1 bytes.*negative/ },
  { name: "a length above the limit", bytes: Buffer.from([0, 0, 4, 1]), why: /1025 bytes.*maxFrameBytes \(1024\)/ },
  { name: "an end in the length", bytes: Buffer.from([0, 0]), endsInput: true, why: /2 of 4 bytes/ },
  { name: "an end in the body", bytes: Buffer.from([0, 0, 0, 9, 0x7b]), endsInput: true, why: /5 of 13 bytes/ },
];

for (const { name, bytes, endsInput = false, why } of brokenFrames) {
  test(`${name} is answered with a parse error that says why, then the connection ends; the service goes on`, () =>
    networked(() => {
      const { methods, ends } = noting();
      return serving(
        methods,
        async (service) => {
          await service.open(async (bystander) => {
            await service.open(async (talk) => {
              await talk.send(request("foo"), request("never"));
              assert.equal((await talk.heard()).length, 1);
              await talk.stream.send(bytes);
              if (endsInput) await talk.stream.sendEof();
              const [answer, ...more] = (await talk.heard()).map((text) => JSON.parse(text));
              assert.deepEqual(withoutData(answer), failed(-32700, "Parse error", null));
              assert.match(answer.error.data, why);
              assert.deepEqual(more, []);
              assert.equal(talk.end, "end-of-file");
              // What still comes is read for a moment, lest a reset takes the answer back.
              if (!endsInput) await talk.stream.send(Buffer.alloc(1_000));
              await sleep(2_000);
              assert.deepEqual(ends, ["cancelled", "cleaned up"]);
            });
            assert.deepEqual(await bystander.ask(request("foo")), [ok("ok")]);
          });
        },
        { framing: lengthPrefixed({ maxFrameBytes: 1024 }) },
      );
    }));
}

test("a peer that sent a broken frame and goes on sending is cut off after a moment", () =>
  networked(() =>
    serving({ foo: () => "ok" }, (service) =>
      service.open(async (talk) => {
        await talk.stream.send(Buffer.from([0xff, 0xff, 0xff, 0xff]));
        await rejection(
          (async () => {
            for (;;) {
              await talk.stream.send(Buffer.alloc(10_000));
              await sleep(10);
            }
          })(),
        );
        assert.ok(currentLoop().time() <= 2_000);
      }),
    ),
  ));

/** Serves in a scope that the test may stop. */
async function stoppable(
  methods: Record<string, unknown>,
  body: (port: number, service: CancelScope) => Promise<void>,
): Promise<"returned" | "cut off"> {
  const listener = await listen({ port: 0 });
  return await taskGroup(async (group) => {
    const scopeIs = Promise.withResolvers<CancelScope>();
    const service = group.spawn(async () => {
      const end = await cancelScope(async (scope) => {
        scopeIs.resolve(scope);
        await serveRpc(listener, methods);
        return "returned" as const;
      });
      return end ?? "cut off";
    });
    await body(listener.address.port, await scopeIs.promise);
    return await service;
  });
}

test("asked to stop, a service answers what it has begun, refuses what is new with -32000, and closes", () =>
  networked(async (network) => {
    const methods = {
      async slow() {
        await sleep(100);
        return "finished";
      },
      foo: () => "ok",
    };
    const end = await stoppable(methods, async (port, service) => {
      await talkingTo(port, async (talk) => {
        await talk.ask(request("slow"));
        service.stop({ graceMs: 10_000 });
        assert.deepEqual((await talk.ask(request("foo", [], 2))).map(withoutData), [
          failed(-32000, "Server is stopping", 2),
        ]);
        assert.deepEqual(await talk.ask(notification("foo")), []);
        const batch = `[${request("foo", [], 3)},${request("nope", [], 4)},${notification("foo")}]`;
        assert.deepEqual((await talk.ask(batch)).map(withoutData), [
          [failed(-32000, "Server is stopping", 3), failed(-32601, "Method not found", 4)],
        ]);
        await rejection(openTcp({ port }));
        assert.equal(talk.end, undefined);
        await sleep(100);
        assert.deepEqual(
          (await talk.heard()).map((text) => JSON.parse(text)),
          [ok("finished")],
        );
        assert.equal(talk.end, "end-of-file");
      });
    });
    assert.equal(end, "returned");
    assert.equal(currentLoop().time(), 100);
    assert.equal(network.listeners.size, 0);
  }));

test("asked to stop, connections that wait for nothing are closed at once", () =>
  networked(async () => {
    const end = await stoppable({ foo: () => "ok" }, async (port, service) => {
      await talkingTo(port, (first) =>
        talkingTo(port, async (second) => {
          await first.ask(request("foo"));
          await second.ask(request("foo"));
          service.stop({ graceMs: 10_000 });
          await waitAllTasksBlocked();
          assert.equal(first.end, "end-of-file");
          assert.equal(second.end, "end-of-file");
        }),
      );
    });
    assert.equal(end, "returned");
    assert.equal(currentLoop().time(), 0);
  }));

test("while stopping, a method may still call its client and hear the answer", () =>
  networked(async () => {
    const methods = {
      async ask() {
        await sleep(10);
        return await currentPeer()?.request("name");
      },
    };
    const end = await stoppable(methods, async (port, service) => {
      await withPeer(
        `tcp://127.0.0.1:${port}`,
        async (peer) => {
          const call = peer.request("ask");
          await waitAllTasksBlocked();
          service.stop({ graceMs: 1_000 });
          assert.equal(await call, "Ada");
        },
        { methods: { name: () => "Ada" } },
      );
    });
    assert.equal(end, "returned");
  }));

test("requests that take longer than the grace period are cancelled, and their callers see a lost connection", () =>
  networked(async () => {
    const { methods, ends } = noting();
    const end = await stoppable(methods, async (port, service) => {
      await withPeer(`tcp://127.0.0.1:${port}`, async (peer) => {
        const call = rejection(peer.request("never"));
        await waitAllTasksBlocked();
        service.stop({ graceMs: 100 });
        assert.ok((await call) instanceof BrokenError);
        assert.deepEqual(ends, ["cancelled", "cleaned up"]);
      });
    });
    assert.equal(end, "cut off");
    assert.equal(currentLoop().time(), 105);
  }));

test("a cancelled service cancels its requests and resets its connections", () =>
  networked(async () => {
    const { methods, ends } = noting();
    const end = await stoppable(methods, async (port, service) => {
      await talkingTo(port, async (talk) => {
        await talk.ask(request("never"));
        service.cancel();
        await sleep(10);
        assert.equal(talk.end, "broken");
        assert.deepEqual(ends, ["cancelled", "cleaned up"]);
      });
    });
    assert.equal(end, "cut off");
  }));

test("closing the listener lets connections go on until they end by themselves", () =>
  networked(async () => {
    const listener = await listen({ port: 0 });
    await taskGroup(async (group) => {
      const service = group.spawn(() => serveRpc(listener, { foo: () => "ok" }));
      await talkingTo(listener.address.port, async (talk) => {
        await talk.ask(request("foo"));
        await listener.close();
        assert.deepEqual(await talk.ask(request("foo")), [ok("ok")]);
        assert.equal(service.done, false);
      });
      await service;
    });
  }));

test("a service with options that make no sense closes its listener and says what is wrong", () =>
  networked(async (network) => {
    const attempts = [
      [{ "rpc.mine": () => 1 }, {}, /"rpc\.mine".*reserved/],
      [{}, { maxInFlight: 0 }, /maxInFlight.*got 0/],
      [{}, { maxInFlight: 1.5 }, /maxInFlight.*got 1\.5/],
      [{}, { maxBatchLength: -1 }, /maxBatchLength.*got -1/],
      [{}, { maxBatchLength: NaN }, /maxBatchLength.*got NaN/],
    ] as const;
    for (const [methods, options, message] of attempts) {
      const listener = await listen({ port: 0 });
      const error = await rejection(serveRpc(listener, methods, options));
      assert.ok(error instanceof RangeError || error instanceof TypeError);
      assert.match(error.message, message);
      assert.equal(network.listeners.size, 0);
    }
  }));

test("a method may close the connection that it is called over: it is cancelled with it, and nobody hangs", () =>
  networked(() => {
    const ends: unknown[] = [];
    const methods = {
      async bye() {
        ends.push(await rejection(currentPeer()?.close() ?? Promise.resolve()));
      },
    };
    return serving(methods, async (service) => {
      await service.open(async (talk) => {
        assert.deepEqual(await talk.ask(request("bye")), []);
        assert.notEqual(talk.end, undefined);
      });
      assert.ok(ends.length === 1 && isCancelled(ends[0]));
    });
  }));

test("a hundred connections that come and go in the order of a seed leave nothing behind", async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    await networked(
      () => {
        const { methods } = noting();
        return serving(methods, async (service) => {
          await taskGroup((group) => {
            for (let index = 0; index < 100; index++) {
              group.spawn(() =>
                service.open(async (talk) => {
                  await talk.send(request("never"), request("foo", [], 2));
                  await sleep(index % 3);
                  if (index % 4 === 0) await talk.stream.close();
                  else if (index % 4 === 1) talk.stream.abort();
                  else if (index % 4 === 2) await talk.stream.sendEof();
                  await sleep(index % 7);
                }),
              );
            }
          });
        });
      },
      { seed },
    );
  }
});
