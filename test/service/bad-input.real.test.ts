/** A running service and everything that a network can do to it. After each scene a bystander still gets right answers. */
import assert from "node:assert/strict";
import test, { after } from "node:test";
import { BrokenError, Event, moveOnAfter, sleep, taskGroup } from "coppice";
import { lengthPrefixed, openTcp } from "coppice/net";
import { withPeer } from "coppice/rpc";
import { rejection } from "../support/rejection.ts";
import {
  failed,
  internalError,
  invalidRequest,
  methodNotFound,
  notification,
  ok,
  parseError,
  request,
  withoutData,
} from "../support/talk.ts";
import { playing, type RawClient, type Scene, startService } from "./running-service.ts";

const service = startService();
const port = Number((await service.prints(/port (\d+)/))[1]);
const framing = lengthPrefixed();

after(async () => {
  const { code, stderr } = await service.interrupt("SIGTERM");
  assert.equal(stderr, "", "the service had something to complain about");
  assert.equal(code, 0);
});

function scene(name: string, body: (scene: Scene) => Promise<void>): void {
  test(name, async () => {
    await playing(port, body);
    assert.equal(service.stderr, "");
    assert.equal(service.child.exitCode, null);
  });
}

/** The connection still serves. */
async function isAlive(client: RawClient): Promise<void> {
  assert.deepEqual(await client.ask(request("foo", [], "alive?")), ok("ok", "alive?"));
}

const header = (length: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
};

for (const [name, length, why] of [
  ["below zero", -1, /negative/],
  ["far below zero", -(2 ** 31), /negative/],
  ["above the limit", 1024 * 1024 + 1, /maxFrameBytes \(1048576\)/],
  ["as large as can be", 2 ** 31 - 1, /maxFrameBytes/],
] as const) {
  scene(`a length ${name} is answered, and ends that connection`, async ({ open }) => {
    await open(async (client) => {
      await isAlive(client);
      await client.stream.send(Buffer.concat([header(length), Buffer.alloc(100)]));
      const answer = (await client.hearValue()) as { error: { data: string } };
      assert.deepEqual(withoutData(answer), parseError);
      assert.match(answer.error.data, why);
      assert.equal(await client.hear(), undefined);
    });
  });
}

scene("text that is not framed at all is an impossible length, and ends that connection", async ({ open }) => {
  for (const text of ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", '{"jsonrpc":"2.0","method":"foo","id":1}\n']) {
    await open(async (client) => {
      await client.stream.send(Buffer.from(text));
      assert.deepEqual(withoutData(await client.hearValue()), parseError);
      assert.equal(await client.hear(), undefined);
    });
  }
});

scene("a frame that is cut off by end-of-file is answered, and ends that connection", async ({ open }) => {
  const whole = framing.encode([request("foo")]);
  for (const count of [1, 3, 4, 5, whole.length - 1]) {
    await open(async (client) => {
      await client.stream.send(whole.subarray(0, count));
      await client.stream.sendEof();
      assert.deepEqual(withoutData(await client.hearValue()), parseError);
      assert.equal(await client.hear(), undefined);
    });
  }
});

scene("a frame that is cut off by a reset harms nobody", async ({ open }) => {
  const whole = framing.encode([request("foo")]);
  for (const count of [1, 4, 20]) {
    await open(async (client) => {
      await client.stream.send(whole.subarray(0, count));
      client.stream.abort();
    });
  }
});

scene("bytes that come one at a time are put together", async ({ open }) => {
  await open(async (client) => {
    for (const byte of framing.encode([request("foo"), notification("note"), request("add", [1, 2], 2)])) {
      await client.stream.send(Uint8Array.of(byte));
      await sleep(0);
    }
    assert.deepEqual(await client.hearValue(), ok("ok"));
    assert.deepEqual(await client.hearValue(), ok(3, 2));
  });
});

scene("ten thousand frames in one write are all answered", async ({ open }) => {
  await open(async (client) => {
    const count = 10_000;
    await taskGroup(async (group) => {
      group.spawn(() => client.send(...Array.from({ length: count }, (_, id) => request("add", [id, 1], id))));
      const results = new Map<unknown, unknown>();
      while (results.size < count) {
        const answer = (await client.hearValue()) as { id: number; result: number };
        results.set(answer.id, answer.result);
      }
      for (let id = 0; id < count; id++) assert.equal(results.get(id), id + 1);
    });
    await isAlive(client);
  });
});

scene("ten thousand bad frames in one write are all answered, and the connection lives on", async ({ open }) => {
  await open(async (client) => {
    await taskGroup(async (group) => {
      group.spawn(() => client.send(...Array.from({ length: 10_000 }, () => "}")));
      for (let count = 0; count < 10_000; count++) assert.deepEqual(withoutData(await client.hearValue()), parseError);
    });
    await isAlive(client);
  });
});

scene("what is no UTF-8 is a parse error, and the connection lives on", async ({ open }) => {
  await open(async (client) => {
    for (const body of [[0xff], [0x22, 0xc3, 0x28, 0x22], [0xed, 0xa0, 0x80]]) {
      await client.stream.send(Buffer.concat([header(body.length), Uint8Array.from(body)]));
      assert.deepEqual(withoutData(await client.hearValue()), parseError);
      await isAlive(client);
    }
  });
});

scene("what is no JSON is a parse error under null, and the connection lives on", async ({ open }) => {
  await open(async (client) => {
    for (const text of ["", "{", "nul", "{'a':1}", `[${request("foo")},`, "[".repeat(100_000)]) {
      assert.deepEqual(withoutData(await client.ask(text)), parseError);
      await isAlive(client);
    }
  });
});

scene("what is JSON and no request is an invalid request, and the connection lives on", async ({ open }) => {
  await open(async (client) => {
    for (const text of ["1", "null", '"text"', "{}", "[]", '{"jsonrpc":"2.0","method":1}', '{"method":"foo"}']) {
      assert.deepEqual(withoutData(await client.ask(text)), invalidRequest());
      await isAlive(client);
    }
    const nested = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    assert.deepEqual(withoutData(await client.ask(nested)), [invalidRequest()]);
    await isAlive(client);
  });
});

scene("methods that are not there are not found, those of every object included", async ({ open }) => {
  await open(async (client) => {
    for (const name of ["nope", "", "__proto__", "constructor", "toString", "hasOwnProperty", "rpc.foo"]) {
      assert.deepEqual(withoutData(await client.ask(request(name))), methodNotFound());
    }
    await isAlive(client);
  });
});

scene("params of the wrong shape are refused, by the protocol or by the method", async ({ open }) => {
  await open(async (client) => {
    for (const params of ["text", 1, true, null]) {
      assert.deepEqual(withoutData(await client.ask(request("add", params))), invalidRequest(1));
    }
    for (const params of [[], ["a", "b"], { a: 1, b: 2 }, [1]]) {
      assert.deepEqual(withoutData(await client.ask(request("add", params))), failed(-32602, "Invalid params"));
    }
    await isAlive(client);
  });
});

scene("a method that throws, whatever it throws, is an internal error", async ({ open, report }) => {
  const { failures } = await report();
  await open(async (client) => {
    for (const name of ["throws", "throwsText", "rejects"]) {
      assert.deepEqual(await client.ask(request(name)), internalError());
      assert.deepEqual(await client.ask(`[${request(name)},${request("foo", [], 2)}]`), [internalError(), ok("ok", 2)]);
    }
    assert.deepEqual(await client.ask(request("refuses")), {
      jsonrpc: "2.0",
      error: { code: 42, message: "refused", data: { why: "asked to" } },
      id: 1,
    });
    await isAlive(client);
  });
  assert.equal((await report()).failures, failures + 6);
});

scene("a method that never returns holds up nobody, and ends with its client", async ({ open }) => {
  await open(async (client) => {
    for (let count = 0; count < 500; count++) await client.send(request("never", [], count));
    await isAlive(client);
  });
});

scene("more calls that never return than may be in flight are let go with their client", async ({ open }) => {
  await open(async (client) => {
    await client.send(...Array.from({ length: 1_500 }, (_, id) => request("never", [], id)));
    await sleep(20);
  });
});

scene("an answer above the frame limit is an internal error", async ({ open }) => {
  await open(async (client) => {
    assert.deepEqual(await client.ask(request("blob", [2 * 1024 * 1024])), internalError());
    await isAlive(client);
  });
});

scene("clients that disconnect in the middle of a call leave nothing behind", async ({ open }) => {
  await taskGroup((group) => {
    for (let index = 0; index < 100; index++) {
      group.spawn(() =>
        open(async (client) => {
          await client.send(request("never"), request("later", [20]), request("callBack", ["never"]));
          if (index % 2 === 0) await client.stream.close();
          else {
            await client.hear();
            client.stream.abort();
          }
        }),
      );
    }
  });
});

scene("a client that sends and never reads costs a bounded amount, and is let go with its connection", async (play) => {
  const { open, report } = play;
  const before = await report();
  const answerBytes = 20_000;
  await open(async (client) => {
    const bytes = framing.encode(Array.from({ length: 20 }, (_, id) => request("blob", [answerBytes], id)));
    let sent = 0;
    await moveOnAfter(1_000, async () => {
      for (;;) {
        await client.stream.send(bytes);
        sent += 20;
      }
    });
    const { heapBytes } = await report();
    const grown = heapBytes - before.heapBytes;
    // A thousand requests may be in flight, and their answers be gathered here, once.
    const bound = 1_000 * answerBytes;
    assert.ok(grown < bound + 16 * 1024 * 1024, `${grown} bytes are held for a client that does not read`);
    assert.ok(sent * answerBytes > bound, "it asked for more than may be held");
  });
});

scene("a client that sends garbage and never reads costs a bounded amount", async ({ open, report }) => {
  const before = await report();
  await open(async (client) => {
    const bytes = framing.encode(Array.from({ length: 1_000 }, () => "}"));
    await moveOnAfter(1_000, async () => {
      for (;;) await client.stream.send(bytes);
    });
    const grown = (await report()).heapBytes - before.heapBytes;
    assert.ok(grown < 32 * 1024 * 1024, `${grown} bytes are held for a client that does not read`);
  });
});

scene("two thousand connections at once are all served", async ({ report }) => {
  const before = await report();
  const count = 2_000;
  await taskGroup(async (group) => {
    let open = 0;
    const allOpen = new Event();
    const measured = new Event();
    for (let index = 0; index < count; index++) {
      group.spawn(async () => {
        const stream = await openTcp({ port });
        try {
          await stream.send(framing.encode([request("add", [index, 1], index)]));
          const bytes = await stream.receive();
          assert.deepEqual(JSON.parse(String(Buffer.from(bytes ?? []).subarray(4))), ok(index + 1, index));
          if (++open === count) allOpen.set();
          await measured.wait();
        } finally {
          stream.abort();
        }
      });
    }
    await allOpen.wait();
    assert.equal((await report()).sockets, before.sockets + count);
    measured.set();
  });
});

scene("ten thousand connections that come and go leave nothing behind", async ({ report }) => {
  const comeAndGo = async (total: number): Promise<void> => {
    let next = 0;
    await taskGroup((group) => {
      for (let worker = 0; worker < 40; worker++) {
        group.spawn(async () => {
          while (next < total) {
            const index = next++;
            const stream = await openTcp({ port });
            if (index % 3 === 0) await stream.send(framing.encode([request("never")]));
            if (index % 3 === 1) {
              await stream.send(framing.encode([request("foo")]));
              assert.ok((await stream.receive()) !== undefined);
            }
            if (index % 2 === 0) stream.abort();
            else await stream.close();
          }
        });
      }
    });
  };
  await comeAndGo(1_000);
  const before = await report();
  await comeAndGo(10_000);
  let grown = Infinity;
  for (let round = 0; round < 20 && grown > 2 * 1024 * 1024; round++) {
    await sleep(50);
    grown = (await report()).heapBytes - before.heapBytes;
  }
  assert.ok(grown <= 2 * 1024 * 1024, `the heap has grown by ${grown} bytes`);
});

test("a second service on the same port ends with 1 and says that the port is in use", async () => {
  await playing(port, async () => {
    await using second = startService([String(port)]);
    const { code, stdout, stderr } = await second.ended;
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      new RegExp(
        `ListenError: listen on 127\\.0\\.0\\.1:${port}: the port is in use \\(EADDRINUSE\\): stop the program`,
      ),
    );
  });
});

test("a service that is killed is a BrokenError to those who wait for it", async () => {
  await using doomed = startService();
  const itsPort = Number((await doomed.prints(/port (\d+)/))[1]);
  await playing(port, async () => {
    await withPeer(`tcp://127.0.0.1:${itsPort}`, async (peer) => {
      const call = rejection(peer.request("never"));
      assert.equal(await peer.request("foo"), "ok");
      doomed.signal("SIGKILL");
      assert.ok((await call) instanceof BrokenError);
    });
  });
});
