"""
A JSON-RPC client that shares no line with Coppice. Runs its checks against the service on the port that the first
argument names, prints a line for each that holds, and ends with 1 at the first that does not.
"""

import json
import socket
import struct
import sys

from framed_json import Connection

PORT = int(sys.argv[1])


def connect():
    sock = socket.create_connection(("127.0.0.1", PORT), timeout=10)
    return Connection(sock)


def request(method, params=None, id=1):
    message = {"jsonrpc": "2.0", "method": method, "id": id}
    if params is not None:
        message["params"] = params
    return message


def notification(method, params=None):
    message = request(method, params)
    del message["id"]
    return message


def expect(actual, expected):
    if actual != expected:
        raise AssertionError("expected %r, got %r" % (expected, actual))


def result_of(value, id=1):
    return {"jsonrpc": "2.0", "result": value, "id": id}


def expect_error(answer, code, message, id=1):
    expect(answer["jsonrpc"], "2.0")
    expect(answer["id"], id)
    expect("result" in answer, False)
    expect((answer["error"]["code"], answer["error"]["message"]), (code, message))


def requests():
    connection = connect()
    connection.send(request("foo", [], "e549a9cb"))
    expect(connection.receive_raw(), b'{"result":"ok","id":"e549a9cb","jsonrpc":"2.0"}')
    connection.send(request("add", [20, 22]))
    expect(connection.receive(), result_of(42))
    connection.send(request("echo", {"named": True}, 0))
    expect(connection.receive(), result_of([{"named": True}], 0))
    connection.send(request("echo", ["h\u00e9 \U0001f600 \u2028", None, 1.5, {"a": [[]]}], ""))
    expect(connection.receive(), result_of(["h\u00e9 \U0001f600 \u2028", None, 1.5, {"a": [[]]}], ""))
    # The same characters as bytes instead of escapes.
    connection.send_raw(json.dumps(request("echo", ["h\u00e9 \U0001f600"]), ensure_ascii=False).encode("utf-8"))
    expect(connection.receive(), result_of(["h\u00e9 \U0001f600"]))
    connection.send(request("foo", [], None))
    expect(connection.receive(), result_of("ok", None))


def the_original_bytes():
    connection = connect()
    body = b'{"method": "foo", "params": [], "id": "x", "jsonrpc": "2.0"}'
    connection.sock.sendall(struct.pack(">i", len(body)) + body)
    expect(connection.receive_raw(), b'{"result":"ok","id":"x","jsonrpc":"2.0"}')


def large_messages():
    connection = connect()
    text = "x" * 900_000
    connection.send(request("echo", [text]))
    expect(connection.receive(), result_of([text]))


def batches():
    connection = connect()
    connection.send([request("foo", [], 1), notification("note"), 5, request("nope", [], 2), request("add", [1, 2], 3)])
    answers = connection.receive()
    expect(len(answers), 4)
    expect(answers[0], result_of("ok", 1))
    expect_error(answers[1], -32600, "Invalid Request", None)
    expect_error(answers[2], -32601, "Method not found", 2)
    expect(answers[3], result_of(3, 3))
    connection.send([])
    expect_error(connection.receive(), -32600, "Invalid Request", None)
    connection.send([notification("note"), notification("nope")])
    connection.send(request("foo"))
    expect(connection.receive(), result_of("ok"))


def errors():
    connection = connect()
    connection.send_raw(b"{")
    expect_error(connection.receive(), -32700, "Parse error", None)
    connection.send_raw(b"\xff\xfe")
    expect_error(connection.receive(), -32700, "Parse error", None)
    connection.send({"foo": "boo"})
    expect_error(connection.receive(), -32600, "Invalid Request", None)
    connection.send(request("nope"))
    expect_error(connection.receive(), -32601, "Method not found")
    connection.send(request("__proto__"))
    expect_error(connection.receive(), -32601, "Method not found")
    connection.send(request("add", ["a", "b"]))
    expect_error(connection.receive(), -32602, "Invalid params")
    connection.send(request("throws"))
    answer = connection.receive()
    expect_error(answer, -32603, "Internal error")
    expect("bug" in json.dumps(answer), False)
    connection.send(request("refuses"))
    answer = connection.receive()
    expect_error(answer, 42, "refused")
    expect(answer["error"]["data"], {"why": "asked to"})


def notifications():
    connection = connect()
    connection.send(request("notes"))
    before = connection.receive()["result"]
    for _ in range(100):
        connection.send(notification("note"))
    connection.send(notification("nope"))
    connection.send(notification("throws"))
    connection.send(request("notes"))
    expect(connection.receive(), result_of(before + 100))


def pipelining():
    connection = connect()
    count = 5_000
    connection.send_together([request("add", [i, 1], i) for i in range(count)])
    results = {}
    for _ in range(count):
        answer = connection.receive()
        results[answer["id"]] = answer["result"]
    expect(results, {i: i + 1 for i in range(count)})


def answers_out_of_order():
    connection = connect()
    connection.send_together([request("later", [200], "slow"), request("later", [1], "quick"), request("foo", [], "now")])
    expect([connection.receive()["id"] for _ in range(3)], ["now", "quick", "slow"])


def half_close():
    connection = connect()
    connection.send_together([request("add", [i, 1], i) for i in range(100)])
    connection.sock.shutdown(socket.SHUT_WR)
    expect([connection.receive()["id"] for _ in range(100)], list(range(100)))
    expect(connection.receive(), None)


def calls_from_the_service():
    connection = connect()
    connection.send(request("callBack", ["double", 21], "outer"))
    inner = connection.receive()
    expect((inner["jsonrpc"], inner["method"], inner["params"]), ("2.0", "double", [21]))
    connection.send(result_of(42, inner["id"]))
    expect(connection.receive(), result_of(42, "outer"))


def a_broken_frame_is_answered():
    connection = connect()
    connection.sock.sendall(struct.pack(">i", -5))
    expect_error(connection.receive(), -32700, "Parse error", None)
    expect(connection.receive(), None)


CHECKS = [
    requests,
    the_original_bytes,
    large_messages,
    batches,
    errors,
    notifications,
    pipelining,
    answers_out_of_order,
    half_close,
    calls_from_the_service,
    a_broken_frame_is_answered,
]

for check in CHECKS:
    try:
        check()
    except Exception as error:
        print("%s: %s: %s" % (check.__name__, type(error).__name__, error), file=sys.stderr)
        sys.exit(1)
    print("%s: holds" % check.__name__, flush=True)
