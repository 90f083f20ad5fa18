"""Addresses, and bounds on connections."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import ClientSession, web
from nodepulse_core.errors import NodePulseError
from nodepulse_dashboard.listen import Address, listening

LOOPBACK = Address("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8089", "127.0.0.1", 8089),
        ("[::1]:8089", "::1", 8089),
        ("localhost:0", "localhost", 0),
        ("0.0.0.0:1", "0.0.0.0", 1),
    ],
)
def test_an_address_is_host_and_port(text: str, host: str, port: int) -> None:
    """Names and numbers are read, and written as they were."""
    address = Address.parse(text)
    assert (address.host, address.port, str(address)) == (host, port, text)


@pytest.mark.parametrize(
    "text", ["", "8089", ":8089", "::1:8089", "localhost:", "localhost:65536", "localhost:-1", "a:x", "a:²"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Anything else is refused with how it is written."""
    with pytest.raises(ValueError, match="write it like"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("example", False),
    ],
)
def test_loopback_is_known(host: str, loopback: bool) -> None:
    """Only on loopback are there names to hold requests to."""
    address = Address(host, 1)
    assert address.is_loopback is loopback
    assert (host in (address.hosts or ())) is loopback


async def test_a_port_in_use_is_said() -> None:
    """A port that something else listens on is an error with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(NodePulseError, match=f"cannot listen on 127.0.0.1:{port}: it is in use; .*--listen"):
            async with listening(web.Application(), Address("127.0.0.1", port)):
                pass


async def test_one_connection_too_many_is_turned_away() -> None:
    """Above the most connections a new one gets a 503 and is closed; once another has gone there is room."""
    async with listening(web.Application(), LOOPBACK, max_connections=2) as address:
        first = await asyncio.open_connection(address.host, address.port)
        second = await asyncio.open_connection(address.host, address.port)
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        answer = await asyncio.wait_for(reader.read(), 20)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: " in answer
        for _, each in (first, second, (reader, writer)):
            each.close()
            await each.wait_closed()
        for _ in range(500):
            async with ClientSession() as session, session.get(f"http://{address}/") as response:
                if response.status == 404:
                    break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("no room was made")


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_connection_that_asks_nothing_is_closed(begun: bytes) -> None:
    """A connection that sends nothing, or never ends its request's head, is closed."""
    async with listening(web.Application(), LOOPBACK, idle=0.2) as address:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(begun)
        await asyncio.wait_for(reader.read(), 20)
        writer.close()
