"""A client that sends bytes as they are given, good or bad, and says what came back until the other side hung up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Sequence

_PATIENCE = 20.0
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def exchange(address: tuple[str, int], pieces: Sequence[bytes] = (GET,), pause: float = 0.0) -> bytes:
    """Send pieces with a pause after each, and return all that is answered until the end of the connection."""
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(address, _PATIENCE))
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        return _read(connection)


def _read(connection: socket.socket) -> bytes:
    answered = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65_536):
            answered += piece
    return answered


async def ask(address: tuple[str, int], pieces: Sequence[bytes] = (GET,), pause: float = 0.0) -> bytes:
    """Do the same beside an event loop."""
    return await asyncio.to_thread(exchange, address, pieces, pause)
