"""Redis asked directly, where it answers badly or not at all; tests/real asks real servers."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from nodepulse_core import HTTPExporter, ScrapeError, Target
from nodepulse_core.collect import Scraper
from nodepulse_core.model import Access, BasicAuth
from nodepulse_exporter_redis import nodepulse_exporters
from support.programs import free_port

SLOT = 1_800_000_000
SECRET = "hunter2"
INFO = "used_memory:5\r\n"


def target(endpoint: str, access: Access = Access()) -> Target:  # noqa: B008 - it is frozen
    """Return a target of redis_exporter."""
    return Target("cache", "redis_exporter", endpoint, interval=15.0, timeout=3.0, access=access)


@contextlib.asynccontextmanager
async def exporter() -> AsyncIterator[HTTPExporter]:
    """Give an exporter, and close it."""
    (made,) = nodepulse_exporters()
    assert isinstance(made, HTTPExporter)
    try:
        yield made
    finally:
        await made.close()


async def fail(endpoint: str, access: Access = Access(), limit: float = 5) -> str:  # noqa: B008 - it is frozen
    """Return the reason for which a scrape fails, by the agent's own way."""
    async with exporter() as made:
        with pytest.raises(ScrapeError) as caught:
            await Scraper(None).scrape(target(endpoint, access), made, SLOT, limit)  # type: ignore[arg-type]  # no HTTP
        return str(caught.value)


Answer = Callable[[bytes], bytes | None]


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """Give the endpoint of a server that answers each piece it reads; None closes the connection."""
    served: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        while asked := await reader.read(65536):
            said = answer(asked)
            if said is None:
                break
            writer.write(said)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.gather(*(task for task in served if task), return_exceptions=True)


def bulk(text: str) -> bytes:
    """Return a text as Redis sends it."""
    return b"$%d\r\n%s\r\n" % (len(text), text.encode())


def handshake(asked: bytes) -> bytes:
    """Agree to all that a client says of itself when it connects."""
    return b"+OK\r\n" * asked.count(b"SETINFO")


def test_its_schemes_are_listed() -> None:
    """The exporter says which endpoints it reads, http's among them."""
    (made,) = nodepulse_exporters()
    assert made.schemes == ("http", "https", "redis", "rediss", "unix")


async def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without redis-py the reason is the pip line."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    assert "pip install 'nodepulse-exporter-redis[direct]'" in await fail("redis://127.0.0.1:1")


@pytest.mark.parametrize("endpoint", ["redis://127.0.0.1:{port}", "rediss://127.0.0.1:{port}"])
async def test_a_port_that_nobody_listens_on_is_a_reason(endpoint: str) -> None:
    """A refused connection says where and why, at once: it is not tried again here."""
    port = free_port()
    assert await fail(endpoint.format(port=port)) == f"cannot connect to 127.0.0.1:{port}: connection refused"


async def test_a_socket_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    """The same holds for a path."""
    path = tmp_path / "no.sock"
    assert await fail(f"unix:{path}") == f"cannot connect to {path}: no such file or directory"


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("unix:redis.sock", "is no path of a socket; write it like unix:/run/redis/redis.sock"),
        ("unix://host/redis.sock", "is no path of a socket"),
        ("redis://localhost/queue", "is no address of a server; write it like redis://localhost:6379"),
        ("redis://localhost/?db=1", "has no ? or #"),
    ],
)
async def test_an_endpoint_that_is_none_shows_how_one_is_written(endpoint: str, said: str) -> None:
    """What cannot be an address is refused before anything is connected."""
    assert said in await fail(endpoint)


async def test_a_server_that_says_nothing_fails_in_time() -> None:
    """A connection that is accepted and not answered costs the time limit, and no more."""
    async with serving(lambda _: b"") as endpoint:
        assert await fail(endpoint, limit=0.1) == "no answer within 100ms"


async def test_a_server_that_hangs_up_is_a_reason() -> None:
    """A server that closes each connection is asked on one new one at most, and then said to."""
    async with serving(lambda _: None) as endpoint:
        assert "connect" in (await fail(endpoint)).lower()


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff\r\n", b"$-5\r\nx"])
async def test_another_protocol_is_a_reason(said: bytes) -> None:
    """What is no Redis makes a failed scrape, not a defect."""
    async with serving(lambda _: said) as endpoint:
        assert "raised" not in await fail(endpoint, limit=0.5)


async def test_a_refused_command_is_a_reason_and_keeps_the_connection() -> None:
    """A user without the right to INFO is told so; the next scrape asks on the same connection."""
    connections = 0

    def answer(asked: bytes) -> bytes:
        nonlocal connections
        connections += asked.count(b"lib-name") or asked.count(b"LIB-NAME")
        return handshake(asked) or b"-NOPERM this user has no permissions to run the 'info' command\r\n"

    async with serving(answer) as endpoint, exporter() as made:
        for _ in range(3):
            with pytest.raises(ScrapeError, match="this user has no permissions"):
                await made.scrape(target(endpoint), None)  # type: ignore[arg-type]  # no HTTP
    assert connections == 1


async def test_a_wrong_password_is_a_reason_without_it(tmp_path: Path) -> None:
    """A refused password is said; neither the password nor its file's content is."""
    file = tmp_path / "password"
    file.write_text(SECRET)

    def answer(asked: bytes) -> bytes:
        assert SECRET.encode() in asked
        return b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"

    async with serving(answer) as endpoint:
        for auth in (BasicAuth("default", SECRET), BasicAuth("monitor", password_file=file)):
            reason = await fail(endpoint, Access(basic_auth=auth))
            assert "invalid username-password pair" in reason
            assert SECRET not in reason


async def test_a_password_that_cannot_be_read_is_a_reason(tmp_path: Path) -> None:
    """A missing password file is named."""
    auth = BasicAuth("default", password_file=tmp_path / "none")
    assert await fail("redis://127.0.0.1:1", Access(basic_auth=auth)) == (
        f"cannot read the password in {tmp_path}/none: no such file or directory"
    )


async def test_a_connection_is_kept_from_scrape_to_scrape() -> None:
    """Ten scrapes take one handshake."""
    handshakes = 0

    def answer(asked: bytes) -> bytes:
        nonlocal handshakes
        handshakes += bool(handshake(asked))
        return handshake(asked) or bulk(INFO)

    async with serving(answer) as endpoint, exporter() as made:
        for _ in range(10):
            assert b"redis_memory_used_bytes 5\n" in await made.scrape(target(endpoint), None)  # type: ignore[arg-type]
        kept = handshakes
    assert kept <= 2  # the library may send its own name in one piece or in two
