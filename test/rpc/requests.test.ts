/** What a service makes of what it is sent: ids, notifications, names, params, batches, answers. */
import assert from "node:assert/strict";
import test from "node:test";
import { INVALID_PARAMS, RpcError } from "coppice/rpc";
import { networked } from "../support/network.ts";
import {
  failed,
  internalError,
  invalidRequest,
  methodNotFound,
  notification,
  ok,
  parseError,
  request,
  talking,
  withoutData,
} from "../support/talk.ts";

const methods = {
  foo: () => "ok",
  echo: (...params: unknown[]) => params,
  count: (...params: unknown[]) => params.length,
  fail: () => {
    throw new RpcError(7, "as asked", { why: "because" });
  },
  typed: (value: unknown) => {
    if (typeof value !== "number") throw new RpcError(INVALID_PARAMS, "Invalid params", "expected a number");
    return value;
  },
};

test("an answer's members come in the order of the original server", () =>
  networked(() =>
    talking(methods, async (talk) => {
      await talk.send('{"method": "foo", "params": [], "id": "e549a9cb", "jsonrpc": "2.0"}');
      assert.deepEqual(await talk.heard(), ['{"result":"ok","id":"e549a9cb","jsonrpc":"2.0"}']);
      await talk.send(request("fail"));
      assert.deepEqual(await talk.heard(), [
        '{"error":{"code":7,"message":"as asked","data":{"why":"because"}},"id":1,"jsonrpc":"2.0"}',
      ]);
    }),
  ));

test("every string, number and null is an id, and comes back as it was", () =>
  networked(() =>
    talking(methods, async (talk) => {
      for (const id of [0, -1, 1.5, 1e21, "", "0", "null", 'quo"te', "\u0000", "é😀", null, "x".repeat(10_000)]) {
        assert.deepEqual(await talk.ask(request("foo", [], id)), [ok("ok", id)]);
        assert.deepEqual(withoutData(await talk.askOne(request("nope", [], id))), methodNotFound(id));
      }
    }),
  ));

test("what is no id makes the request invalid, answered under null", () =>
  networked(() =>
    talking(methods, async (talk) => {
      for (const id of ["true", "false", "[]", "{}", "[1]"]) {
        const answer = await talk.askOne(`{"jsonrpc":"2.0","method":"foo","id":${id}}`);
        assert.deepEqual(withoutData(answer), invalidRequest());
      }
    }),
  ));

test("a number too large for a number is no id: the answer stays JSON", () =>
  networked(() =>
    talking(methods, async (talk) => {
      for (const id of ["1e999", "-1e999"]) {
        const text = `{"jsonrpc":"2.0","method":"foo","id":${id}}`;
        assert.deepEqual(withoutData(await talk.askOne(text)), invalidRequest());
        assert.deepEqual(withoutData(await talk.askOne(`[${text},${request("foo")}]`)), [invalidRequest(), ok("ok")]);
      }
    }),
  ));

test("a notification is never answered, whatever becomes of it", () =>
  networked(() => {
    let calls = 0;
    const noisy = {
      ...methods,
      counted: () => ++calls,
      broken: () => {
        throw new Error("bug");
      },
      cyclic: () => {
        const value: unknown[] = [];
        value.push(value);
        return value;
      },
    };
    return talking(noisy, async (talk, service) => {
      const texts = ["counted", "fail", "broken", "nope", "rpc.x", "__proto__", "cyclic"].map((name) =>
        notification(name),
      );
      assert.deepEqual(await talk.ask(...texts), []);
      assert.deepEqual(await talk.ask(`[${texts.join(",")}]`), []);
      assert.equal(calls, 2);
      assert.deepEqual(
        service.reported.splice(0).map(({ method }) => method),
        ["broken", "broken"],
      );
      assert.deepEqual(await talk.ask(request("foo")), [ok("ok")]);
    });
  }));

test("a notification that is no valid request is answered, as nobody can know that it was one", () =>
  networked(() =>
    talking(methods, async (talk) => {
      const answer = await talk.askOne('{"jsonrpc":"2.0","method":"foo","params":"bar"}');
      assert.deepEqual(withoutData(answer), invalidRequest());
    }),
  ));

const inherited = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "__defineGetter__",
  "prototype",
];

for (const name of [...inherited, "", "rpc.discover", "rpc.", "FOO", " foo", "default", "notAFunction"]) {
  test(`the method name ${JSON.stringify(name)} is not found`, () =>
    networked(() =>
      talking({ ...methods, notAFunction: 5, default: () => "no" }, async (talk) => {
        const answer = (await talk.askOne(request(name))) as { error: { data: string } };
        assert.deepEqual(withoutData(answer), methodNotFound());
        assert.ok(answer.error.data.includes(JSON.stringify(name)), "the answer names the method");
      }),
    ));
}

test("names of Object.prototype can be served by who defines them", () =>
  networked(() => {
    const own = Object.fromEntries(inherited.map((name) => [name, () => `my ${name}`]));
    return talking(own, async (talk) => {
      for (const name of inherited) assert.deepEqual(await talk.ask(request(name)), [ok(`my ${name}`)]);
    });
  }));

test("params that are no array and no object make the request invalid", () =>
  networked(() =>
    talking(methods, async (talk) => {
      for (const params of ["text", 1, 0, true, false, null, ""]) {
        assert.deepEqual(withoutData(await talk.askOne(request("echo", params))), invalidRequest(1));
      }
    }),
  ));

test("params that a method refuses are its own answer", () =>
  networked(() =>
    talking(methods, async (talk) => {
      assert.deepEqual(await talk.ask(request("typed", [5])), [ok(5)]);
      for (const params of [["five"], {}, { value: 5 }, [], undefined]) {
        assert.deepEqual(withoutData(await talk.askOne(request("typed", params))), failed(-32602, "Invalid params"));
      }
    }),
  ));

test("params by position are arguments, by name one object, absent none", () =>
  networked(() =>
    talking(methods, async (talk) => {
      assert.deepEqual(await talk.askOne(request("echo", [1, [2], null])), ok([1, [2], null]));
      assert.deepEqual(await talk.askOne(request("echo", { a: 1 })), ok([{ a: 1 }]));
      assert.deepEqual(await talk.askOne(request("echo", [])), ok([]));
      assert.deepEqual(await talk.askOne(request("echo")), ok([]));
    }),
  ));

test("a member called __proto__ in params is data and changes no prototype", () =>
  networked(() => {
    const inspecting = {
      isAdmin: (user: object) => ("isAdmin" in user ? "polluted" : Object.keys(user)),
    };
    return talking(inspecting, async (talk) => {
      const answer = await talk.askOne(
        '{"jsonrpc":"2.0","method":"isAdmin","params":{"__proto__":{"isAdmin":true}},"id":1}',
      );
      assert.deepEqual(answer, ok(["__proto__"]));
      assert.equal("isAdmin" in {}, false);
    });
  }));

test("more arguments than a call can take fail that call alone", () =>
  networked(() =>
    talking(methods, async (talk, service) => {
      const many = new Array(1_000_000).fill(0);
      assert.deepEqual(withoutData(await talk.askOne(request("count", many))), internalError());
      assert.ok(service.reported.splice(0)[0]?.error instanceof RangeError);
      assert.deepEqual(await talk.askOne(request("count", [1, 2])), ok(2));
    }),
  ));

test("values nested beyond all reason fail one request at the most", () =>
  networked(() =>
    talking(methods, async (talk, service) => {
      const depth = 200_000;
      const deep = "[".repeat(depth) + "]".repeat(depth);
      assert.deepEqual(withoutData(await talk.askOne(deep)), [invalidRequest()]);
      const [answer] = await talk.ask(`{"jsonrpc":"2.0","method":"echo","params":[${deep}],"id":1}`);
      assert.ok(answer);
      service.reported.splice(0);
      assert.deepEqual(withoutData(await talk.askOne("[".repeat(depth))), parseError);
      assert.deepEqual(await talk.askOne(request("foo")), ok("ok"));
    }),
  ));

const invalidTexts: readonly (readonly [text: string, id: unknown])[] = [
  ["1", null],
  ['"text"', null],
  ["null", null],
  ["true", null],
  ["{}", null],
  ['{"id":1}', 1],
  ['{"jsonrpc":"2.0","id":1}', 1],
  ['{"jsonrpc":"2.0","method":null,"id":"a"}', "a"],
  ['{"jsonrpc":"2.0","method":["foo"],"id":2}', 2],
  ['{"jsonrpc":"1.0","method":"foo","id":3}', 3],
  ['{"jsonrpc":2.0,"method":"foo","id":4}', 4],
  ['{"method":"foo","id":5}', 5],
  ['{"jsonrpc":"2.0","Method":"foo","id":6}', 6],
  ['{"jsonrpc":"2.0","__proto__":{"method":"foo"},"id":7}', 7],
];

for (const [text, id] of invalidTexts) {
  test(`${text} is no request, is answered so, and the connection lives on`, () =>
    networked(() =>
      talking(methods, async (talk) => {
        const answer = (await talk.askOne(text)) as { error: { data: unknown } };
        assert.deepEqual(withoutData(answer), invalidRequest(id));
        assert.equal(typeof answer.error.data, "string", "the answer says what is wrong");
        assert.deepEqual(withoutData(await talk.askOne(`[${text}]`)), [invalidRequest(id)]);
        assert.deepEqual(await talk.askOne(request("foo")), ok("ok"));
      }),
    ));
}

const noJson = [
  "",
  " ",
  "{",
  "}",
  "[",
  "nul",
  "{'a':1}",
  '{"a":1}}',
  '\ufeff{"jsonrpc":"2.0"}',
  "\u0000",
  "01",
  '"\t"',
  "NaN",
];

for (const text of noJson) {
  test(`${JSON.stringify(text)} is no JSON, is answered so, and the connection lives on`, () =>
    networked(() =>
      talking(methods, async (talk) => {
        assert.deepEqual(withoutData(await talk.askOne(text)), parseError);
        assert.deepEqual(await talk.askOne(request("foo")), ok("ok"));
      }),
    ));
}

test("a frame that is no UTF-8 is a parse error, and the next is served", () =>
  networked(() =>
    talking(methods, async (talk) => {
      const wrong = Buffer.from([0, 0, 0, 3, 0x22, 0xff, 0x22]);
      await talk.stream.send(wrong);
      await talk.send(request("foo"));
      assert.deepEqual(
        (await talk.heard()).map((text) => withoutData(JSON.parse(text))),
        [parseError, ok("ok")],
      );
      // A name with a broken character is no other name.
      const text = Buffer.from(request("f?o"));
      text[text.indexOf("?")] = 0x80;
      await talk.stream.send(Buffer.concat([Buffer.from([0, 0, 0, text.length]), text]));
      assert.deepEqual(
        (await talk.heard()).map((heard) => withoutData(JSON.parse(heard))),
        [parseError],
      );
    }),
  ));

test("the answers of a batch come in one frame, in the order of its requests, when the last is there", () =>
  networked(() => {
    const slow = Promise.withResolvers<string>();
    return talking({ ...methods, slow: () => slow.promise }, async (talk) => {
      await talk.send(`[${request("slow", [], "a")},${notification("foo")},${request("foo", [], "b")}]`);
      assert.deepEqual(await talk.heard(), []);
      slow.resolve("at last");
      assert.deepEqual(
        (await talk.heard()).map((text) => JSON.parse(text)),
        [[ok("at last", "a"), ok("ok", "b")]],
      );
    });
  }));

test("a batch inside a batch is one invalid request", () =>
  networked(() =>
    talking(methods, async (talk) => {
      const answer = await talk.askOne(`[[${request("foo")}],${request("foo", [], 2)}]`);
      assert.deepEqual(withoutData(answer), [invalidRequest(), ok("ok", 2)]);
    }),
  ));

test("a batch may use one id twice, and gets two answers", () =>
  networked(() =>
    talking(methods, async (talk) => {
      assert.deepEqual(await talk.askOne(`[${request("foo")},${request("echo", [2])}]`), [ok("ok"), ok([2])]);
    }),
  ));

test("a batch of maxBatchLength passes, a longer one is one error that names the limit, and none of it is called", () =>
  networked(() => {
    let calls = 0;
    return talking(
      { count: () => ++calls },
      async (talk) => {
        const three = Array.from({ length: 3 }, (_, index) => request("count", [], index));
        assert.deepEqual(await talk.askOne(`[${three.join(",")}]`), [ok(1, 0), ok(2, 1), ok(3, 2)]);
        const answer = (await talk.askOne(`[${three.join(",")},${notification("count")}]`)) as {
          error: { data: string };
        };
        assert.deepEqual(withoutData(answer), invalidRequest());
        assert.match(answer.error.data, /4 .*maxBatchLength \(3\)/);
        assert.equal(calls, 3);
      },
      { maxBatchLength: 3 },
    );
  }));

test("answers that nobody asked for are ignored, well formed or not, alone and in batches", () =>
  networked(() =>
    talking(methods, async (talk) => {
      const strays = [
        '{"jsonrpc":"2.0","result":1,"id":99}',
        '{"jsonrpc":"2.0","result":null,"id":null}',
        '{"jsonrpc":"2.0","error":{"code":1,"message":"x"},"id":"99"}',
        '{"jsonrpc":"2.0","error":"text","id":99}',
        '{"jsonrpc":"2.0","result":1,"error":{"code":1,"message":"x"},"id":99}',
        '{"jsonrpc":"2.0","result":1}',
        '{"result":1,"id":1}',
        '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}',
      ];
      assert.deepEqual(await talk.ask(...strays), []);
      assert.deepEqual(await talk.ask(`[${strays.join(",")}]`), []);
      assert.deepEqual(await talk.askOne(`[${strays.join(",")},${request("foo")}]`), [ok("ok")]);
    }),
  ));

test("a request may carry members that nobody knows", () =>
  networked(() =>
    talking(methods, async (talk) => {
      assert.deepEqual(await talk.askOne('{"jsonrpc":"2.0","method":"foo","id":1,"extra":{},"result":5}'), ok("ok"));
    }),
  ));

test("of a member that comes twice the last one counts, as everywhere in JSON", () =>
  networked(() =>
    talking(methods, async (talk) => {
      assert.deepEqual(
        await talk.askOne('{"jsonrpc":"2.0","method":"nope","method":"foo","id":1,"id":2}'),
        ok("ok", 2),
      );
    }),
  ));

test("serving a reserved name is refused, and the listener is not left behind", () =>
  networked(async (network) => {
    await assert.rejects(
      talking({ "rpc.mine": () => 1 }, async () => {}),
      (error: unknown) => error instanceof TypeError && /"rpc\.mine".*reserved/.test(error.message),
    );
    assert.equal(network.listeners.size, 0);
  }));
