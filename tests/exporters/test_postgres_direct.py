"""PostgreSQL asked directly, where it cannot be; tests/real asks real servers."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nodepulse_core import HTTPExporter, ScrapeError, Target
from nodepulse_core.collect import Scraper
from nodepulse_core.model import Access, BasicAuth
from nodepulse_exporter_postgres import nodepulse_exporters
from nodepulse_exporter_postgres.direct import Address
from support.programs import free_port

SLOT = 1_800_000_000


async def fail(endpoint: str, access: Access = Access(), limit: float = 5) -> str:  # noqa: B008 - it is frozen
    """Return the reason for which a scrape fails, by the agent's own way."""
    (made,) = nodepulse_exporters()
    assert isinstance(made, HTTPExporter)
    target = Target("db", "postgres_exporter", endpoint, interval=15.0, timeout=3.0, access=access)
    try:
        with pytest.raises(ScrapeError) as caught:
            await Scraper(None).scrape(target, made, SLOT, limit)  # type: ignore[arg-type]  # no HTTP
    finally:
        await made.close()
    return str(caught.value)


@contextlib.asynccontextmanager
async def serving(said: bytes | None) -> AsyncIterator[str]:
    """Give the endpoint of a server that answers whatever it reads with that; None closes the connection."""
    served: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        while await reader.read(65536) and said is not None:
            writer.write(said)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"postgresql://127.0.0.1:{server.sockets[0].getsockname()[1]}/app"
    await asyncio.gather(*(task for task in served if task), return_exceptions=True)


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("postgresql://db:5433/app", Address("db", 5433, "app")),
        ("postgres://db", Address("db", None, "postgres")),
        ("postgresql://db/?sslmode=require", Address("db", None, "postgres", "require")),
        ("postgresql:///app?host=/run/postgresql&port=5433", Address("/run/postgresql", 5433, "app")),
        ("postgresql://", Address(None, None, "postgres")),
        ("unix:/run/postgresql", Address("/run/postgresql", 5432, "postgres")),
        ("unix:///run/postgresql?dbname=app", Address("/run/postgresql", 5432, "app")),
        ("unix:/run/postgresql/.s.PGSQL.5433", Address("/run/postgresql", 5433, "postgres")),
    ],
)
def test_an_endpoint_says_where_and_which_database(
    endpoint: str, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts, ports, sockets and databases are read as libpq reads them; without a database it is `postgres`."""
    monkeypatch.delenv("PGDATABASE", raising=False)
    assert Address.parse(endpoint) == address


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("postgresql://db/a/b", "is no database; write it like postgresql://localhost:5432/postgres"),
        ("postgresql://db/?options=-c", "has more than host, port, dbname and sslmode after its ?"),
        ("postgresql://db/?port=x", "has more than host, port, dbname and sslmode after its ?"),
        ("unix:postgresql", "is no path of a socket; write it like unix:/run/postgresql"),
        ("unix://host/run", "is no path of a socket"),
        ("postgresql://127.0.0.1/?sslmode=maybe", "cannot connect to 127.0.0.1:5432: "),
    ],
)
async def test_an_endpoint_that_is_none_shows_how_one_is_written(endpoint: str, said: str) -> None:
    """What cannot be an address is refused before anything is connected."""
    assert said in await fail(endpoint)


def test_its_schemes_are_listed() -> None:
    """The exporter says which endpoints it reads, http's among them."""
    (made,) = nodepulse_exporters()
    assert made.schemes == ("http", "https", "postgresql", "postgres", "unix")


async def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asyncpg the reason is the pip line."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert "pip install 'nodepulse-exporter-postgres[direct]'" in await fail("postgresql://127.0.0.1:1")


async def test_a_port_that_nobody_listens_on_is_a_reason() -> None:
    """A refused connection says where and why."""
    port = free_port()
    assert await fail(f"postgresql://127.0.0.1:{port}") == f"cannot connect to 127.0.0.1:{port}: connection refused"


async def test_a_socket_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    """The same holds for a socket's folder."""
    assert await fail(f"unix:{tmp_path}") == f"cannot connect to {tmp_path}:5432: no such file or directory"


async def test_a_server_that_says_nothing_fails_in_time() -> None:
    """A connection that is accepted and not answered costs the time limit, and no more."""
    async with serving(b"") as endpoint:
        assert await fail(endpoint, limit=0.1) == "no answer within 100ms"


@pytest.mark.parametrize("said", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"N\x00\xff" * 50])
async def test_another_protocol_is_a_reason(said: bytes | None) -> None:
    """What is no PostgreSQL, or hangs up, makes a failed scrape in time, not a defect."""
    async with serving(said) as endpoint:
        reason = await fail(endpoint, limit=1)
        assert "cannot connect to 127.0.0.1" in reason or "no answer within 1s" in reason


async def test_a_password_that_cannot_be_read_is_a_reason(tmp_path: Path) -> None:
    """A missing password file is named."""
    auth = BasicAuth("monitor", password_file=tmp_path / "none")
    assert await fail("postgresql://127.0.0.1:1", Access(basic_auth=auth)) == (
        f"cannot read the password in {tmp_path}/none: no such file or directory"
    )
