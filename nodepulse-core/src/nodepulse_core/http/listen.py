"""Serving an application on an address, within bounds that no client can get around.

    accept ─▶ one too many? ─▶ 503, closed at once
       │
       └─▶ a whole head within `idle` seconds ─▶ request ─▶ the next head within `idle` seconds ─▶ …

Connections are accepted by hand: each is counted before the next one is taken, so that however many come at once, no
more file descriptors are in use than `max_connections` and one.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import web
from attrs import frozen

from nodepulse_core.errors import NodePulseError

MAX_CONNECTIONS = 64
IDLE = 10.0
_STALLED_MS = 30_000
_BACKLOG = 16
_AT_ONCE = 16
_PAUSE = 1.0
_LONGEST_LINE = 4096
_MOST_HEADERS = 64
_SHUTDOWN = 1.0
_PORTS = range(65536)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_TRY_AGAIN = 5
_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

log = logging.getLogger(__name__)


@frozen
class Address:
    """Where to listen: a host's name or number, and a port; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `127.0.0.1:8088`, `[::1]:8088` or `localhost:8088`; raises ValueError with a sentence."""
        host, colon, port = text.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if not (colon and bare and port.isascii() and port.isdigit() and int(port) in _PORTS) or (
            ":" in bare and host == bare
        ):
            raise ValueError(f"{text!r} is no address; write it like 127.0.0.1:8088 or [::1]:8088")
        return cls(bare, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def hosts(self) -> frozenset[str] | None:
        """The names under which this machine asks for a loopback address; None for any other address."""
        return _LOOPBACK_NAMES | {self.host} if self.is_loopback else None


@asynccontextmanager
async def listening(
    app: web.Application,
    address: Address,
    *,
    max_connections: int = MAX_CONNECTIONS,
    idle: float = IDLE,
    inflate: bool = False,
) -> AsyncIterator[Address]:
    """Serve an application; yields the address that was taken, and ends it in order.

    A connection has `idle` seconds for the head of each of its requests; one that does not read its answer for 30 s is
    closed. With `inflate`, what comes packed is unpacked, within the application's limit of a body. Raises
    NodePulseError where the address cannot be listened on.
    """
    sockets = await _open(address)
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_SHUTDOWN,
        keepalive_timeout=idle,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        max_headers=_MOST_HEADERS,
        auto_decompress=inflate,
        lingering_time=1.0,
        logger=logging.Logger("garbage", logging.CRITICAL),  # what is no HTTP is answered, and not worth a log line
    )
    await runner.setup()
    try:
        doors = [_Door(each, cast(web.Server, runner.server), max_connections) for each in sockets]
        try:
            yield Address(address.host, sockets[0].getsockname()[1])
        finally:
            for door in doors:
                door.close()
    finally:
        await runner.cleanup()


async def _open(address: Address) -> list[socket.socket]:
    """Return a listening socket for each address that the host stands for, all on one port."""
    opened: list[socket.socket] = []
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        port = address.port
        for family, kind, protocol, _, place in dict.fromkeys(found):
            each = socket.socket(family, kind, protocol)
            opened.append(each)
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.bind((place[0], port, *place[2:]))
            each.listen(_BACKLOG)
            port = each.getsockname()[1]
    except OSError as error:
        for each in opened:
            each.close()
        raise NodePulseError(f"cannot listen on {address}: {_reason(error)}") from error
    return opened


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "it is in use; end what listens there, or choose another address"
    return error.strerror or str(error)


class _Door:
    """A listening socket: takes what comes as long as there is room, and sends the rest away."""

    def __init__(self, listener: socket.socket, server: web.Server, room: int) -> None:
        self._listener = listener
        self._server = server
        self._protocol = cast("Callable[[], asyncio.Protocol]", server)
        self._room = room
        self._entering: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Take no more connections; those that are open stay."""
        self._loop.remove_reader(self._listener)
        if self._again is not None:
            self._again.cancel()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError, InterruptedError):
            for connection in self._waiting():
                if len(self._server.connections) + len(self._entering) >= self._room:
                    _send_away(connection)
                else:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED_MS)
                    task = self._loop.create_task(self._enter(connection), name="connection")
                    self._entering.add(task)
                    task.add_done_callback(self._entering.discard)

    def _waiting(self) -> Iterator[socket.socket]:
        try:
            for _ in range(_AT_ONCE):
                connection, _peer = self._listener.accept()
                connection.setblocking(False)
                yield connection
        except OSError as error:
            if error.errno not in _OUT_OF_FILES:
                raise
            log.warning("no connection can be accepted for %g s: %s", _PAUSE, error.strerror)
            self._loop.remove_reader(self._listener)
            self._again = self._loop.call_later(_PAUSE, self._loop.add_reader, self._listener, self._accept)

    async def _enter(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()


def _send_away(connection: socket.socket) -> None:
    """Say that there are too many connections, as far as that can be said without waiting, and hang up."""
    body = json.dumps({"error": "too many connections; try again"}).encode()
    head = (
        f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {_TRY_AGAIN}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with contextlib.suppress(OSError):
        connection.send(head.encode() + body)
    connection.close()
