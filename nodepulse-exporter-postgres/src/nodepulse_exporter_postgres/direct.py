"""PostgreSQL asked directly, with asyncpg, over one kept connection for each target.

Endpoints are `postgresql://host:5432/database` and `unix:/run/postgresql`; host, port, dbname and sslmode after a `?`
are read as libpq does. User and password stand in `basic_auth`, else where libpq looks for them: PGUSER, PGPASSWORD,
PGPASSFILE, ~/.pgpass. The session reads only, calls itself nodepulse, and no statement outlives the target's timeout.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import PurePosixPath
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import frozen
from nodepulse_core import Connections, Family, NodePulseError, ScrapeError, Target, explain, read_password, tls_context

from nodepulse_exporter_postgres.queries import QUERIES, Row

_PORT = 5432
_DATABASE = "postgres"
_SOCKET = ".s.PGSQL."
_INSTALL = "asyncpg is not installed; install it with: pip install 'nodepulse-exporter-postgres[direct]'"


class Session(Protocol):
    """What is used of asyncpg's connection, which has no types of its own."""

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """Return the rows of a query."""
        ...

    def is_closed(self) -> bool:
        """Tell whether it is of no more use."""
        ...

    def terminate(self) -> None:
        """Close it at once."""
        ...


class PostgresCollector:
    """Collects from PostgreSQL servers; `close` it at the end."""

    def __init__(self) -> None:
        self._connections: Connections[Session] = Connections(
            connect=_connect, close=_close, is_open=lambda connection: not connection.is_closed()
        )

    async def collect(self, target: Target) -> list[Family]:
        """Return the server's families; raises ScrapeError with the reason where it cannot be asked."""
        address = Address.parse(target.endpoint)
        try:
            return await self._connections.ask(target, lambda connection: _ask(connection, {"server": str(address)}))
        except NodePulseError as error:
            raise ScrapeError(str(error)) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()


async def _ask(connection: Session, labels: dict[str, str]) -> list[Family]:
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - it is there where there is a connection

    families: list[Family] = []
    success: list[tuple[dict[str, str], float]] = []
    reason = ""
    for query in QUERIES:
        try:
            rows = [dict(row) for row in await connection.fetch(query.sql, *query.values)]
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            reason = str(error)
            if connection.is_closed():
                raise ScrapeError(f"the connection is lost: {reason}") from error
            rows = []
        else:
            families += query.read(rows, labels) if rows else []
        success.append(({"collector": query.name}, int(bool(rows))))
    if not families:
        raise ScrapeError(f"no query is answered: {reason}")
    help_ = "postgres_exporter: Whether a collector succeeded."
    return [
        Family("pg_up", "gauge", "Whether PostgreSQL could be asked.", (({}, 1),)),
        *families,
        Family("pg_scrape_collector_success", "gauge", help_, tuple(success)),
    ]


async def _connect(target: Target) -> Session:
    address = Address.parse(target.endpoint)
    # The first import takes a tenth of a second, in which the loop has other things to do.
    library = await asyncio.to_thread(_import)
    auth = target.access.basic_auth
    try:
        connection: Session = await library.connect(
            host=address.host,
            port=address.port,
            database=address.database,
            user=auth.username or None if auth else None,
            password=read_password(auth) or None if auth else None,
            ssl=tls_context(target.access.tls) if target.access.tls.is_set else address.sslmode,
            timeout=target.timeout,
            server_settings={
                "application_name": "nodepulse",
                "default_transaction_read_only": "on",
                "statement_timeout": str(round(target.timeout * 1000)),
                # A view that someone has put before the server's own is not asked.
                "search_path": "pg_catalog",
            },
        )
    except (library.PostgresError, library.InterfaceError, OSError) as error:
        raise ScrapeError(f"cannot connect to {address}: {explain(error)}") from error
    return connection


async def _close(connection: Session) -> None:
    connection.terminate()


def _import() -> Any:
    try:
        import asyncpg  # noqa: PLC0415 - only who asks directly needs it
    except ImportError as error:
        raise ScrapeError(_INSTALL) from error
    return asyncpg


@frozen
class Address:
    """Where a server listens, at a host's port or in a socket's folder, and which database is connected to.

    What is None is left to libpq's environment and defaults.
    """

    host: str | None
    port: int | None
    database: str
    sslmode: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an endpoint; raises ScrapeError with a sentence that shows how one is written."""
        parts = urlsplit(text)
        given = dict(parse_qsl(parts.query))
        unknown = sorted(given.keys() - {"host", "port", "dbname", "sslmode"})
        if unknown or parts.fragment or not given.get("port", "1").isdecimal():
            raise ScrapeError(f"{text.partition('?')[0]!r} has more than host, port, dbname and sslmode after its ?")
        host, port = given.get("host"), int(given["port"]) if "port" in given else None
        path = unquote(parts.path)
        if parts.scheme == "unix":
            if parts.netloc or not path.startswith("/"):
                raise ScrapeError(f"{text!r} is no path of a socket; write it like unix:/run/postgresql")
            folder = PurePosixPath(path)
            if folder.name.startswith(_SOCKET) and (number := folder.name.removeprefix(_SOCKET)).isdecimal():
                folder, port = folder.parent, int(number)
            return cls(str(folder), port or _PORT, given.get("dbname", _DATABASE), given.get("sslmode"))
        if path.count("/") > 1:
            raise ScrapeError(f"{text!r} is no database; write it like postgresql://localhost:5432/postgres")
        database = given.get("dbname") or path.strip("/") or os.environ.get("PGDATABASE") or _DATABASE
        return cls(host or parts.hostname, port or parts.port, database, given.get("sslmode"))

    def __str__(self) -> str:
        return f"{self.host or os.environ.get('PGHOST', 'localhost')}:{self.port or os.environ.get('PGPORT', _PORT)}"
