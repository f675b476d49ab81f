/** What a connection may cost: how much is read, worked on and held for a peer, and in how many writes answers leave. */
import assert from "node:assert/strict";
import test from "node:test";
import { Event, moveOnAfter, sleep, sleepForever, taskGroup } from "coppice";
import { lengthPrefixed, openTcp } from "coppice/net";
import { currentPeer, type Peer, withPeer } from "coppice/rpc";
import { waitAllTasksBlocked } from "coppice/testing";
import { type CountedNetwork, networked, type Wire } from "../support/network.ts";
import { notification, ok, request, type Service, type ServiceOptions, serving } from "../support/talk.ts";

const framing = lengthPrefixed();

function serverWire(network: CountedNetwork): Wire {
  const [wire] = network.of("server");
  assert.ok(wire);
  return wire;
}

/** Counts how many of its requests run at once. */
function counting(): { readonly most: number; readonly now: number; readonly begun: number; work(): Promise<string> } {
  let now = 0;
  let most = 0;
  let begun = 0;
  return {
    get most() {
      return most;
    },
    get now() {
      return now;
    },
    get begun() {
      return begun;
    },
    async work() {
      begun++;
      most = Math.max(most, ++now);
      try {
        await sleep(1);
        return "done";
      } finally {
        now--;
      }
    },
  };
}

test("no more than maxInFlight requests run at once, and all are answered", () =>
  networked(() => {
    const counted = counting();
    return serving(
      { work: () => counted.work() },
      (service) =>
        service.open(async (talk) => {
          await talk.send(...Array.from({ length: 100 }, (_, index) => request("work", [], index)));
          await sleep(50);
          const answers = (await talk.heard()).map((text) => JSON.parse(text));
          assert.deepEqual(
            answers,
            Array.from({ length: 100 }, (_, index) => ok("done", index)),
          );
          assert.equal(counted.most, 7);
        }),
      { maxInFlight: 7 },
    );
  }));

test("maxInFlight of 1 works on one after the other", () =>
  networked(() => {
    const counted = counting();
    return serving(
      { work: () => counted.work() },
      (service) =>
        service.open(async (talk) => {
          await talk.send(...Array.from({ length: 10 }, (_, index) => request("work", [], index)));
          await sleep(10);
          assert.equal((await talk.heard()).length, 10);
          assert.equal(counted.most, 1);
        }),
      { maxInFlight: 1 },
    );
  }));

test("notifications count as well", () =>
  networked(() => {
    const counted = counting();
    return serving(
      { work: () => counted.work() },
      (service) =>
        service.open(async (talk) => {
          await talk.send(...Array.from({ length: 50 }, () => notification("work")));
          await sleep(50);
          assert.deepEqual(await talk.heard(), []);
          assert.deepEqual([counted.begun, counted.most], [50, 5]);
        }),
      { maxInFlight: 5 },
    );
  }));

test("by default a thousand are worked on at once", () =>
  networked(() => {
    const counted = counting();
    return serving({ work: () => counted.work() }, (service) =>
      service.open(async (talk) => {
        await talk.send(...Array.from({ length: 2_500 }, (_, index) => request("work", [], index)));
        await sleep(5);
        assert.equal((await talk.heard()).length, 2_500);
        assert.equal(counted.most, 1_000);
      }),
    );
  }));

/** A client that sends requests as fast as it is let, and reads nothing. */
async function flood(
  service: Service,
  text: string,
  network: CountedNetwork,
  check: (server: Wire) => Promise<void> | void,
): Promise<void> {
  await using stream = await openTcp({ port: service.port });
  const bytes = framing.encode(Array.from({ length: 100 }, () => text));
  await moveOnAfter(1_000, async () => {
    for (;;) await stream.send(bytes);
  });
  await waitAllTasksBlocked();
  await check(serverWire(network));
  stream.abort();
}

const SMALL_REQUEST = request("blob", [10]);
const flooding: readonly (readonly [name: string, text: string])[] = [
  ["requests with small answers", SMALL_REQUEST],
  ["requests with large answers", request("blob", [100_000])],
  ["what is no JSON", "}{"],
  ["what is no request", "{}"],
  ["unknown methods", request("nope")],
  ["batches", `[${Array.from({ length: 20 }, () => SMALL_REQUEST).join(",")}]`],
  ["batches that are wrong", `[${Array.from({ length: 20 }, () => "1").join(",")}]`],
];

for (const [name, text] of flooding) {
  test(`a client that sends ${name} and never reads is not read without bound`, () =>
    networked((network) => {
      let made = 0;
      const methods = {
        blob: (size: number) => {
          made++;
          return "x".repeat(size);
        },
      };
      return serving(
        methods,
        (service) =>
          flood(service, text, network, (server) => {
            assert.ok(server.isReadingPaused, "the socket is not read any more");
            assert.ok(server.receivedBytes < 1024 * 1024, `${server.receivedBytes} bytes were read`);
            if (!text.includes("100000")) return;
            // The first hundred leave for the socket; then it is full, and no more than was begun meanwhile is held.
            assert.ok(made <= 300, `${made} large answers were made that cannot leave`);
          }),
        { maxInFlight: 100 },
      );
    }));
}

test("a client that begins to read gets every answer of what was read", () =>
  networked((network) =>
    serving({ blob: (size: number) => "x".repeat(size) }, async (service) => {
      await using stream = await openTcp({ port: service.port });
      const total = 5_000;
      await taskGroup(async (group) => {
        group.spawn(async () => {
          for (let index = 0; index < total; index += 100) {
            await stream.send(
              framing.encode(Array.from({ length: 100 }, (_, at) => request("blob", [1_000], index + at))),
            );
          }
        });
        await waitAllTasksBlocked();
        assert.ok(serverWire(network).bufferedBytes > 0);
        const decoder = framing.decoder();
        const ids = new Set<number>();
        while (ids.size < total) {
          const bytes = await stream.receive();
          assert.ok(bytes);
          decoder.push(bytes);
          for (let text = decoder.nextText(); text !== undefined; text = decoder.nextText()) {
            const answer = JSON.parse(text);
            assert.equal(answer.result.length, 1_000);
            ids.add(answer.id);
          }
        }
      });
    }),
  ));

test("a client that never reads and then goes is let go", () =>
  networked((network) =>
    serving({ blob: (size: number) => "x".repeat(size) }, (service) =>
      flood(service, request("blob", [10_000]), network, () => {}),
    ),
  ));

test("a client that does not read holds up its own connection only", () =>
  networked((network) =>
    serving({ blob: (size: number) => "x".repeat(size) }, (service) =>
      flood(service, request("blob", [10_000]), network, () =>
        service.open(async (bystander) => {
          assert.deepEqual(await bystander.ask(request("blob", [1])), [ok("x")]);
        }),
      ),
    ),
  ));

test("calls wait while what was sent before cannot leave, and go out when it can", () =>
  networked(async (network) => {
    const gate = new Event();
    const methods = {
      // Works on one request at a time, and so stops reading.
      hold: () => gate.wait(),
      size: (text: string) => text.length,
    };
    await serving(
      methods,
      async ({ port }) => {
        await withPeer(`tcp://127.0.0.1:${port}`, async (peer) => {
          await taskGroup(async (group) => {
            group.spawn(() => peer.request("hold"));
            const call = group.spawn(() => peer.request("size", ["x".repeat(10_000)]));
            await waitAllTasksBlocked();
            let sent = 0;
            const noting = group.spawn(async () => {
              for (; sent < 5_000; sent++) await peer.notify("size", ["x".repeat(10_000)]);
            });
            await sleep(100);
            assert.ok(sent < 5_000, "the notifications wait");
            // What one turn of a loop may make, and what the stream holds.
            const [client] = network.of("client");
            assert.ok(client && client.bufferedBytes < 20 * 1024 * 1024, `${client?.bufferedBytes} bytes are held`);
            const last = group.spawn(() => peer.request("size", ["last"]));
            await waitAllTasksBlocked();
            assert.equal(last.done, false);
            gate.set();
            await noting;
            assert.equal(await call, 10_000);
            assert.equal(await last, 4);
          });
        });
      },
      { maxInFlight: 1 },
    );
  }));

/** The sizes of the server's writes that answer what `send` sends. */
async function writesFor(
  methods: Record<string, unknown>,
  texts: readonly string[],
  answers: number,
  options: ServiceOptions = {},
): Promise<number[]> {
  return await networked(async (network) => {
    let writes: number[] = [];
    await serving(
      methods,
      (service) =>
        service.open(async (talk) => {
          await talk.send(...texts);
          await sleep(1_000);
          assert.equal((await talk.heard()).length, answers);
          writes = serverWire(network).writes;
        }),
      options,
    );
    return writes;
  });
}

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

test("requests that come together are answered in one write", async () => {
  const texts = many(200, (index) => request("foo", [], index));
  assert.equal((await writesFor({ foo: () => "ok" }, texts, 200)).length, 1);
  assert.equal((await writesFor({ foo: async () => "ok" }, texts, 200)).length, 1);
});

test("requests that finish in the same turn are answered in one write", async () => {
  const gate = Promise.withResolvers<string>();
  const methods = {
    wait: () => gate.promise,
    open: async () => {
      await sleep(5);
      gate.resolve("opened");
      return await gate.promise;
    },
  };
  const texts = [request("open"), ...many(50, (index) => request("wait", [], index))];
  assert.equal((await writesFor(methods, texts, 51)).length, 1);
});

test("what is wrong is answered in one write as well", async () => {
  const kinds = ["}", "1", "{}", "[]", "[1]", request("nope"), '{"jsonrpc":"2.0","method":"foo","id":{}}'];
  for (const text of kinds) {
    const writes = await writesFor(
      { foo: () => "ok" },
      many(100, () => text),
      100,
    );
    assert.equal(writes.length, 1, `${text}: ${writes.length} writes`);
  }
  const mixed = many(100, (index) => (index % 2 === 0 ? request("foo") : (kinds[index % kinds.length] ?? "}")));
  assert.ok((await writesFor({ foo: () => "ok" }, mixed, 100)).length <= 2);
});

test("an answer that is alone leaves at once", async () => {
  const writes = await writesFor({ foo: () => "ok" }, [request("foo")], 1);
  assert.deepEqual(writes, [4 + Buffer.byteLength('{"result":"ok","id":1,"jsonrpc":"2.0"}')]);
});

test("calls made in one turn leave in one write", () =>
  networked((network) =>
    serving({ foo: () => "ok" }, ({ port }) =>
      withPeer(`tcp://127.0.0.1:${port}`, async (peer: Peer) => {
        await Promise.all(many(100, () => peer.request("foo")));
        assert.equal(network.of("client")[0]?.writes.length, 1);
        assert.equal(serverWire(network).writes.length, 1);
      }),
    ),
  ));

test("calls that a method makes to its client leave while its answer is still out", () =>
  networked(() => {
    const methods = {
      async ask() {
        const peer = currentPeer();
        assert.ok(peer);
        return await Promise.all([peer.request("one"), peer.request("two")]);
      },
    };
    return serving(methods, ({ port }) =>
      withPeer(`tcp://127.0.0.1:${port}`, async (peer) => assert.deepEqual(await peer.request("ask"), [1, 2]), {
        methods: { one: () => 1, two: () => 2 },
      }),
    );
  }));

test("a method that never returns costs its own connection one place, for as long as it is open", () =>
  networked(() =>
    serving(
      { never: sleepForever, foo: () => "ok" },
      async (service) => {
        await service.open(async (talk) => {
          await talk.ask(request("never"));
          assert.deepEqual(await talk.ask(request("foo", [], 2)), [ok("ok", 2)]);
          // Both places are taken now: nothing more is begun.
          assert.deepEqual(await talk.ask(request("never"), request("foo", [], 3)), []);
          await service.open(async (other) => {
            assert.deepEqual(await other.ask(request("foo")), [ok("ok")]);
          });
        });
      },
      { maxInFlight: 2 },
    ),
  ));
