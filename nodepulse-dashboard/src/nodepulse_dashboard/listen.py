"""Serving an application on an address, with a bound on connections and on how long one may idle."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import orjson
from aiohttp import web
from attrs import frozen
from nodepulse_core.errors import NodePulseError

from nodepulse_dashboard.answers import RETRY_AFTER
from nodepulse_dashboard.defaults import MAX_CONNECTIONS

# Longer than the agent keeps an idle connection (90 s), so that it is the agent who ends it and no POST meets a close.
_IDLE = 120.0
_SHUTDOWN = 3.0
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = range(65536)


@frozen
class Address:
    """Where to listen: a host's name or number, and a port; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `127.0.0.1:8089`, `[::1]:8089` or `localhost:8089`; raises ValueError with a sentence."""
        host, colon, port = text.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if not (colon and bare and port.isascii() and port.isdigit() and int(port) in _PORTS) or (
            ":" in bare and host == bare
        ):
            raise ValueError(f"{text!r} is no address; write it like 127.0.0.1:8089 or [::1]:8089")
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
    app: web.Application, address: Address, *, max_connections: int = MAX_CONNECTIONS, idle: float = _IDLE
) -> AsyncIterator[Address]:
    """Serve an application; yields the address that was taken, and ends it in order.

    One connection too many gets a 503 and is closed; one that sends no request within `idle` seconds is closed.
    Raises NodePulseError where the address cannot be listened on.
    """
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, keepalive_timeout=idle, shutdown_timeout=_SHUTDOWN
    )
    await runner.setup()
    try:
        handlers = cast(web.Server, runner.server)  # set by setup()

        def protocol() -> asyncio.Protocol:
            return handlers() if len(handlers.connections) < max_connections else _OneTooMany()

        try:
            server = await asyncio.get_running_loop().create_server(protocol, address.host, address.port)
        except OSError as error:
            raise NodePulseError(f"cannot listen on {address}: {_reason(error)}") from error
        try:
            yield Address(address.host, server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await runner.cleanup()


class _OneTooMany(asyncio.Protocol):
    """Says that there are too many connections, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        body = orjson.dumps({"error": "too many connections; try again"})
        head = (
            f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_AFTER}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writing = cast(asyncio.Transport, transport)
        writing.write(head.encode() + body)
        writing.close()


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "it is in use; end what listens there, or give another address with --listen"
    return error.strerror or str(error)
