/** The examples of the JSON-RPC 2.0 specification, section 7, to the letter. */
import assert from "node:assert/strict";
import test from "node:test";
import { networked } from "../support/network.ts";
import { talking, withoutData } from "../support/talk.ts";

const methods = {
  subtract(first: number | { minuend: number; subtrahend: number }, second: number): number {
    return typeof first === "number" ? first - second : first.minuend - first.subtrahend;
  },
  sum: (...numbers: number[]) => numbers.reduce((total, number) => total + number, 0),
  update: () => {},
  notify_hello: () => {},
  notify_sum: () => {},
  get_data: () => ["hello", 5],
};

interface Row {
  readonly name: string;
  readonly sent: string;
  /** `undefined` where nothing is returned. */
  readonly answer: string | undefined;
}

const rows: readonly Row[] = [
  {
    name: "rpc call with positional parameters",
    sent: '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
    answer: '{"jsonrpc": "2.0", "result": 19, "id": 1}',
  },
  {
    name: "rpc call with positional parameters, the other way round",
    sent: '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
    answer: '{"jsonrpc": "2.0", "result": -19, "id": 2}',
  },
  {
    name: "rpc call with named parameters",
    sent: '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    answer: '{"jsonrpc": "2.0", "result": 19, "id": 3}',
  },
  {
    name: "rpc call with named parameters in another order",
    sent: '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    answer: '{"jsonrpc": "2.0", "result": 19, "id": 4}',
  },
  {
    name: "a Notification",
    sent: '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}',
    answer: undefined,
  },
  {
    name: "a Notification of a non-existent method",
    sent: '{"jsonrpc": "2.0", "method": "foobar"}',
    answer: undefined,
  },
  {
    name: "rpc call of non-existent method",
    sent: '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
    answer: '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}',
  },
  {
    name: "rpc call with invalid JSON",
    sent: '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    answer: '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}',
  },
  {
    name: "rpc call with invalid Request object",
    sent: '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
    answer: '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}',
  },
  {
    name: "rpc call Batch, invalid JSON",
    sent: '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]',
    answer: '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}',
  },
  {
    name: "rpc call with an empty Array",
    sent: "[]",
    answer: '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}',
  },
  {
    name: "rpc call with an invalid Batch (but not empty)",
    sent: "[1]",
    answer: '[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]',
  },
  {
    name: "rpc call with invalid Batch",
    sent: "[1,2,3]",
    answer: `[
      {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
      {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
      {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
    ]`,
  },
  {
    name: "rpc call Batch",
    sent: `[
      {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
      {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
      {"foo": "boo"},
      {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
      {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]`,
    answer: `[
      {"jsonrpc": "2.0", "result": 7, "id": "1"},
      {"jsonrpc": "2.0", "result": 19, "id": "2"},
      {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
      {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
      {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]`,
  },
  {
    name: "rpc call Batch (all notifications)",
    sent: `[
      {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]`,
    answer: undefined,
  },
];

for (const { name, sent, answer } of rows) {
  test(name, () =>
    networked(() =>
      talking(methods, async (talk) => {
        const heard = await talk.ask(sent);
        assert.deepEqual(heard.map(withoutData), answer === undefined ? [] : [JSON.parse(answer)]);
      }),
    ),
  );
}

test("all examples on one connection, one after the other and all at once", () =>
  networked(() =>
    talking(methods, async (talk) => {
      const expected = rows.flatMap(({ answer }) => (answer === undefined ? [] : [JSON.parse(answer)]));
      const heard: unknown[] = [];
      for (const { sent } of rows) heard.push(...(await talk.ask(sent)));
      assert.deepEqual(heard.map(withoutData), expected);
      const together = await talk.ask(...rows.map(({ sent }) => sent));
      // Answers may come in any order.
      const sorted = (values: unknown[]) => values.map((value) => JSON.stringify(sortMembers(value))).sort();
      assert.deepEqual(sorted(together.map(withoutData)), sorted(expected));
    }),
  ));

function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sortMembers(member)]),
  );
}
