"""Messages of JSON-RPC 2.0 behind their length, an int32 with the big end first. Standard library only."""

import json
import struct


class Connection:
    def __init__(self, sock):
        self.sock = sock

    def send_raw(self, body):
        """Sends bytes as one frame."""
        self.sock.sendall(struct.pack(">i", len(body)) + body)

    def send(self, message):
        self.send_raw(json.dumps(message).encode("utf-8"))

    def send_together(self, messages):
        """Sends many frames in one write."""
        frames = []
        for message in messages:
            body = json.dumps(message).encode("utf-8")
            frames.append(struct.pack(">i", len(body)) + body)
        self.sock.sendall(b"".join(frames))

    def receive_raw(self):
        """The bytes of the next frame, or None when the other side has ended the connection between frames."""
        header = self._read(4)
        if header is None:
            return None
        (length,) = struct.unpack(">i", header)
        body = self._read(length)
        if body is None and length > 0:
            raise EOFError("the connection ended inside a frame")
        return body or b""

    def receive(self):
        body = self.receive_raw()
        return None if body is None else json.loads(body.decode("utf-8"))

    def _read(self, count):
        parts = []
        missing = count
        while missing > 0:
            part = self.sock.recv(min(missing, 65536))
            if not part:
                if missing < count:
                    raise EOFError("the connection ended inside a frame")
                return None
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
