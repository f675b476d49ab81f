"""The echo server in Python: asyncio's streams and protocols, with or without uvloop, and Trio's streams.

Prints its port on the first line, as the servers in TypeScript do.
"""

import asyncio
import sys


def announce(port: int) -> None:
    print(port, flush=True)


async def asyncio_streams() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(256 * 1024):
                writer.write(data)
                await writer.drain()
        except ConnectionResetError:
            pass
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1024)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def asyncio_protocol() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=1024)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def trio_streams() -> None:
    import trio

    async def echo(stream: "trio.SocketStream") -> None:
        try:
            async for data in stream:
                await stream.send_all(data)
        except trio.BrokenResourceError:
            pass

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=1024)
        announce(listeners[0].socket.getsockname()[1])
        nursery.start_soon(trio.serve_listeners, echo, listeners)


def main() -> None:
    kind = sys.argv[1]
    if kind == "trio":
        import trio

        trio.run(trio_streams)
        return
    if kind.startswith("uvloop"):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(asyncio_streams() if kind.endswith("streams") else asyncio_protocol())


main()
