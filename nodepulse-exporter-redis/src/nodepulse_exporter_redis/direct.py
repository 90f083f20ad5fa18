"""Redis asked directly, with redis-py, over one kept connection for each target.

Endpoints are `redis://host:6379`, `rediss://host:6379` (TLS) and `unix:/run/redis/redis.sock`; user and password stand
in `basic_auth`. Redis is asked INFO, and nothing else: `ACL SETUSER nodepulse on >… -@all +info`.
"""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from attrs import frozen
from nodepulse_core import Connections, Family, NodePulseError, ScrapeError, Target, explain, read_password, tls_context

from nodepulse_exporter_redis.info import read_info

if TYPE_CHECKING:
    from redis.asyncio import Connection, UnixDomainSocketConnection

    AnyConnection = Connection | UnixDomainSocketConnection

_PORT = 6379
_INSTALL = "redis-py is not installed; install it with: pip install 'nodepulse-exporter-redis[direct]'"


class RedisCollector:
    """Collects from Redis servers; `close` it at the end."""

    def __init__(self) -> None:
        self._connections: Connections[AnyConnection] = Connections(
            connect=_connect, close=_close, is_open=lambda connection: connection.is_connected
        )

    async def collect(self, target: Target) -> list[Family]:
        """Return the server's families; raises ScrapeError with the reason where it cannot be asked."""
        try:
            return read_info(await self._connections.ask(target, _ask))
        except NodePulseError as error:
            raise ScrapeError(str(error)) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()


async def _ask(connection: AnyConnection) -> str:
    from redis.exceptions import RedisError  # noqa: PLC0415 - it is there where there is a connection

    try:
        await connection.send_command("INFO", "ALL")
        answer = await connection.read_response()
    except RedisError as error:
        raise ScrapeError(f"no answer to INFO: {explain(error)}") from error
    except ValueError as error:
        raise ScrapeError(f"no answer to INFO that is of Redis's protocol: {error}") from error
    return str(answer, errors="replace") if isinstance(answer, bytes) else str(answer)


async def _connect(target: Target) -> AnyConnection:
    endpoint = _Endpoint.parse(target.endpoint)
    # The first import takes a tenth of a second, in which the loop has other things to do.
    redis = await asyncio.to_thread(_import)
    connection = endpoint.make(redis, target)
    try:
        await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it without types
    except (redis.RedisError, ValueError) as error:
        await _close(connection)
        raise ScrapeError(f"cannot connect to {endpoint}: {explain(error)}") from error
    except BaseException:
        await _close(connection)
        raise
    return connection


async def _close(connection: AnyConnection) -> None:
    await connection.disconnect(nowait=True)


def _import() -> ModuleType:
    try:
        import redis.asyncio  # noqa: PLC0415 - only who asks directly needs it
    except ImportError as error:
        raise ScrapeError(_INSTALL) from error
    return redis.asyncio


@frozen
class _Endpoint:
    """Where a server listens: at a host's port, or at a path."""

    host: str = ""
    port: int = _PORT
    path: str = ""
    encrypted: bool = False

    @classmethod
    def parse(cls, text: str) -> _Endpoint:
        """Read an endpoint; raises ScrapeError with a sentence that shows how one is written."""
        parts = urlsplit(text)
        if parts.query or parts.fragment:
            raise ScrapeError("a redis endpoint has no ? or #; user and password go to basic_auth")
        if parts.scheme == "unix":
            if parts.netloc or not parts.path.startswith("/"):
                raise ScrapeError(f"{text!r} is no path of a socket; write it like unix:/run/redis/redis.sock")
            return cls(path=unquote(parts.path))
        # INFO is of the whole server: a database's number says nothing, and is accepted as in any redis URL.
        if parts.path.strip("/") and not parts.path.strip("/").isdecimal():
            raise ScrapeError(f"{text!r} is no address of a server; write it like redis://localhost:6379")
        return cls(parts.hostname or "localhost", parts.port or _PORT, encrypted=parts.scheme == "rediss")

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    def make(self, redis: ModuleType, target: Target) -> AnyConnection:
        """Return a connection that is not connected yet; raises NodePulseError where the password cannot be read."""
        auth = target.access.basic_auth
        options: dict[str, Any] = {
            # `default` is the user that AUTH without a name means, also before Redis 6.
            "username": auth.username if auth and auth.username != "default" else None,
            "password": read_password(auth) if auth else None,
            "protocol": 2,
            # The time limit is the scraper's, and so are other tries.
            "socket_timeout": None,
            "socket_connect_timeout": None,
            "retry": None,
        }
        connection: AnyConnection
        if self.path:
            connection = redis.UnixDomainSocketConnection(path=self.path, **options)
        elif self.encrypted:
            secure = redis.SSLConnection(host=self.host, port=self.port, **options)
            # redis-py's own context trusts the system's authorities besides ca_file, and asks the terminal for a key's
            # password.
            secure.ssl_context.context = tls_context(target.access.tls)
            connection = secure
        else:
            connection = redis.Connection(host=self.host, port=self.port, **options)
        return connection
