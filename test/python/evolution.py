"""
The server and the client of the evolution in Python, which share no line with the examples: they stand in for either side.

    evolution.py server PORT                    prints `listening on ...`, serves until it is killed
    evolution.py client PORT CLIENTS BEATS      prints what it sends and gets, as the examples do
"""

import asyncio
import json
import secrets
import struct
import sys


async def read_message(reader):
    header = await reader.readexactly(4)
    (length,) = struct.unpack(">i", header)
    return (await reader.readexactly(length)).decode()


async def write_message(writer, text):
    body = text.encode()
    writer.write(struct.pack(">i", len(body)) + body)
    await writer.drain()


async def serve(port):
    async def converse(reader, writer):
        try:
            while True:
                request = json.loads(await read_message(reader))
                answer = {"result": "ok", "id": request.get("id"), "jsonrpc": "2.0"}
                await write_message(writer, json.dumps(answer, separators=(",", ":")))
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", port)
    print("listening on tcp://127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def ask(name, reader, writer, method):
    id = secrets.token_hex(4)
    request = '{"method": "%s", "jsonrpc": "2.0", "id": "%s"}' % (method, id)
    print("%s> %s" % (name, request), flush=True)
    await write_message(writer, request)
    answer = await read_message(reader)
    print("%s< %s" % (name, answer), flush=True)
    if answer != '{"result":"ok","id":"%s","jsonrpc":"2.0"}' % id:
        raise SystemExit("a wrong answer: %s" % answer)


async def client(name, port, beats):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await ask(name, reader, writer, "connect")
    for _ in range(beats):
        await ask(name, reader, writer, "heartbeat")
    writer.close()


async def main(kind, *numbers):
    if kind == "server":
        await serve(*numbers)
        return
    port, clients, beats = numbers
    names = [""] if clients == 1 else ["client %d " % (index + 1) for index in range(clients)]
    await asyncio.gather(*(client(name, port, beats) for name in names))
    print("every answer was as expected")


asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
