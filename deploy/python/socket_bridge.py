#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leads a port of the loopback interface to a unix socket, for programs that speak TCP only.

    socket_bridge.py SOCKET

Prints the port, and serves until it is killed. Whoever reaches the port has the rights of this process: for tests.
"""

import asyncio
import sys


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies one direction of a connection to its end."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Joins a connection with one to the socket."""
    try:
        inner_reader, inner_writer = await asyncio.open_unix_connection(sys.argv[1])
    except OSError:
        writer.close()
        return
    await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))
    inner_writer.close()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(join, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
