"""Listening: the address, and the bounds that clients cannot get around."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web
from nodepulse_core.errors import NodePulseError
from nodepulse_core.http.listen import Address, listening
from support.wire import ask

LOOPBACK = Address("127.0.0.1", 0)


def make_app() -> web.Application:
    """Return an application with one short answer, and one that is too large for any socket's buffer."""

    async def short(_: web.Request) -> web.Response:
        return web.Response(text="here")

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(64 * 1024**2))

    app = web.Application()
    app.router.add_get("/", short)
    app.router.add_get("/large", large)
    return app


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8088", Address("127.0.0.1", 8088)),
        ("[::1]:8088", Address("::1", 8088)),
        ("localhost:0", Address("localhost", 0)),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: Address) -> None:
    """What is read is what is written."""
    assert Address.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["8088", ":8088", "::1:8088", "localhost:", "localhost:65536", "localhost:٨", "a:b"])
def test_what_is_no_address_is_said(text: str) -> None:
    """A wrong address is refused with an example of a right one."""
    with pytest.raises(ValueError, match=r"is no address; write it like 127\.0\.0\.1:8088"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("x", False)],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    """Loopback addresses and localhost; nothing else."""
    assert Address(host, 1).is_loopback is loopback


async def test_a_name_listens_on_all_its_addresses_on_one_port() -> None:
    """`localhost` answers over IPv4 and, where there is one, IPv6, on the same port."""
    found = {each[4][0] for each in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    async with listening(make_app(), Address("localhost", 0)) as address:
        for host in found:
            assert (await ask((host, address.port))).endswith(b"here")


async def test_an_address_in_use_is_said() -> None:
    """The address is named, and what to do; nothing listens then."""
    async with listening(make_app(), LOOPBACK) as address:
        with pytest.raises(NodePulseError, match=f"cannot listen on {address}: it is in use"):
            async with listening(make_app(), address):
                pass


async def until_answered(address: Address, what: bytes) -> bytes:
    """Ask until an answer holds something."""
    async with asyncio.timeout(20):
        while what not in (answer := await ask((address.host, address.port))):
            pass
    return answer


async def test_one_connection_too_many_is_sent_away() -> None:
    """While two connections idle, a third is told 503 and closed; when one ends, there is room again."""
    async with listening(make_app(), LOOPBACK, max_connections=2) as address:
        one, two = (socket.create_connection((address.host, address.port)) for _ in range(2))
        with one, two:
            answer = await until_answered(address, b"503")
            assert b'"too many connections; try again"' in answer
            one.close()
            await until_answered(address, b"here")


HALF = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("start", [(), (HALF,)])
async def test_a_head_that_does_not_come_is_not_waited_for(start: tuple[bytes, ...]) -> None:
    """A connection without a request, or with half a head, is closed after its time."""
    async with listening(make_app(), LOOPBACK, idle=0.2) as address:
        assert await ask((address.host, address.port), start) == b""


async def test_a_head_that_comes_in_drops_is_not_waited_for() -> None:
    """One byte at a time does not keep a connection open: it is gone before all are sent."""
    async with listening(make_app(), LOOPBACK, idle=0.3) as address:
        drops = [HALF, b"X: ", *[b"a"] * 1000, b"\r\n\r\n"]
        assert await ask((address.host, address.port), drops, pause=0.01) == b""


async def test_an_idle_connection_is_closed_after_its_answer() -> None:
    """Keep-alive lasts as long as a head may take."""
    async with listening(make_app(), LOOPBACK, idle=0.2) as address:
        assert (await ask((address.host, address.port), [HALF + b"\r\n"])).endswith(b"here")


@pytest.mark.parametrize("more", [b"X: " + b"a" * 5000, b"\r\n".join(b"X%d: a" % number for number in range(100))])
async def test_a_head_that_is_too_large_is_refused(more: bytes) -> None:
    """One long header, or many short ones, get 400."""
    async with listening(make_app(), LOOPBACK) as address:
        answer = await ask((address.host, address.port), [HALF + more + b"\r\n\r\n"])
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))


async def test_garbage_is_answered_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What is no HTTP gets 400 and is closed; the log stays silent."""
    async with listening(make_app(), LOOPBACK) as address:
        assert b" 400 " in await ask((address.host, address.port), [b"\x16\x03\x01 nonsense\r\n\r\n"])
    assert caplog.records == []


async def test_a_client_that_never_reads_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that leaves its answer unread for its time is closed, and makes room for another."""
    monkeypatch.setattr("nodepulse_core.http.listen._STALLED_MS", 500)
    async with listening(make_app(), LOOPBACK, max_connections=1) as address:
        with socket.create_connection((address.host, address.port)) as greedy:
            greedy.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await until_answered(address, b"503")
            await until_answered(address, b"here")


def test_a_loopback_address_answers_for_its_own_names_only() -> None:
    """The names under which this machine asks for it are known; another address has no such list."""
    assert Address("127.0.0.1", 1).hosts == {"localhost", "127.0.0.1", "::1"}
    assert Address("127.0.0.2", 1).hosts == {"localhost", "127.0.0.1", "::1", "127.0.0.2"}
    assert Address("0.0.0.0", 1).hosts is None
