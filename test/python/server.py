"""
A JSON-RPC server that shares no line with Coppice: a thread for each connection, and one for each slow request. Prints its
port. The methods are what the tests of the calling side need.
"""

import os
import socket
import threading
import time

from framed_json import Connection


class Refused(Exception):
    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.error = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


notes = []


def call(method, params):
    if method == "add":
        return params[0] + params[1]
    if method == "echo":
        return params
    if method == "nothing":
        return None
    if method == "later":
        time.sleep(params[0] / 1000)
        return params[0]
    if method == "note":
        notes.append(params[0])
        return None
    if method == "notes":
        return notes
    if method == "refuse":
        raise Refused(42, "refused", {"why": ["asked to"]})
    if method == "die":
        os._exit(0)
    raise Refused(-32601, "Method not found")


class Session:
    def __init__(self, sock):
        self.connection = Connection(sock)
        self.lock = threading.Lock()
        self.held = []

    def send(self, message):
        with self.lock:
            self.connection.send(message)

    def answer(self, request):
        id = request.get("id")
        try:
            message = {"id": id, "jsonrpc": "2.0", "result": call(request["method"], request.get("params"))}
        except Refused as refused:
            message = {"id": id, "jsonrpc": "2.0", "error": refused.error}
        if "id" in request:
            try:
                self.send(message)
            except OSError:
                pass

    def serve(self):
        try:
            while True:
                message = self.connection.receive()
                if message is None:
                    break
                self.handle(message)
        except (OSError, EOFError):
            pass
        finally:
            self.connection.sock.close()

    def handle(self, message):
        method = message.get("method")
        if method is None:
            # The answer to a call of ours goes back to who asked for it.
            asked, _ = self.held.pop()
            self.send({"jsonrpc": "2.0", "id": asked, "result": message.get("result", message.get("error"))})
        elif method == "hold":
            # Kept until "release", which answers all that are held, the last one first.
            self.held.append((message["id"], message["params"][0]))
        elif method == "release":
            while self.held:
                id, value = self.held.pop()
                self.send({"jsonrpc": "2.0", "id": id, "result": value})
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
        elif method == "callBack":
            self.held.append((message["id"], None))
            self.send({"jsonrpc": "2.0", "id": "from python", "method": message["params"][0], "params": message["params"][1:]})
        elif method == "half":
            # Dies in the middle of its answer.
            self.connection.sock.sendall(b"\x00\x00\x01\x00{")
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        elif method == "bytewise":
            body = b'{"jsonrpc": "2.0", "result": "byte by byte", "id": %d}' % message["id"]
            for byte in len(body).to_bytes(4, "big") + body:
                self.connection.sock.sendall(bytes([byte]))
                time.sleep(0.001)
        elif method == "later":
            threading.Thread(target=self.answer, args=(message,), daemon=True).start()
        else:
            self.answer(message)


listener = socket.create_server(("127.0.0.1", 0), backlog=100)
print("port %d" % listener.getsockname()[1], flush=True)
while True:
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=Session(sock).serve, daemon=True).start()
