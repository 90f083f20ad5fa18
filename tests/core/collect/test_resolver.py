"""Names of added targets: judged each time they are looked up."""

from __future__ import annotations

import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from attrs import evolve
from nodepulse_core.collect import TargetHTTP
from nodepulse_core.collect.resolver import OutOfReachError, ReachResolver
from nodepulse_core.errors import ScrapeError
from nodepulse_core.model import Target
from nodepulse_core.reach import Reach

REACH = Reach(own_port=8088)


class Names(AbstractResolver):
    """Gives at each look-up the next of its answers, and the last one for ever."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the next answer."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
            for each in answer
        ]

    async def close(self) -> None:
        """Close nothing."""


async def test_a_name_that_changes_its_address_is_judged_each_time() -> None:
    """Loopback at first, then an address of the cloud's metadata: the second look-up is refused."""
    resolver = ReachResolver(REACH, Names(("127.0.0.1",), ("169.254.169.254",)))
    assert [each["host"] for each in await resolver.resolve("rebind.example", 80)] == ["127.0.0.1"]
    with pytest.raises(OutOfReachError, match=r"169\.254\.169\.254 is a link-local address"):
        await resolver.resolve("rebind.example", 80)


async def test_of_several_addresses_those_within_reach_are_left() -> None:
    """What is out of reach is not among those that are tried."""
    resolver = ReachResolver(REACH, Names(("10.0.0.1", "127.0.0.1", "::ffff:169.254.169.254")))
    assert [each["host"] for each in await resolver.resolve("mixed.example", 80)] == ["127.0.0.1"]


async def test_the_agents_own_port_is_not_reached_by_a_name() -> None:
    """`localhost` at the port of the agent's own HTTP is refused as its address is."""
    with pytest.raises(OutOfReachError, match="port 8088 is the agent's own"):
        await ReachResolver(REACH).resolve("localhost", 8088)
    await ReachResolver(REACH).close()


@pytest.fixture
async def endpoint() -> object:
    """Give the port of an exporter on loopback."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text="up 1\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with TestServer(app) as server:
        yield server.port


async def test_an_added_target_reaches_loopback_alone(endpoint: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a name that stands for loopback it is scraped; by one that stands for elsewhere it fails with the reason.

    A connection that a declared target has open to the same name is not used.
    """
    names = Names(("127.0.0.1",))
    monkeypatch.setattr("nodepulse_core.collect.resolver.ThreadedResolver", lambda: names)
    declared = Target("declared", "prometheus", f"http://localhost:{endpoint}/metrics", 15.0, 3.0)
    http = TargetHTTP("test")
    try:
        assert await http.get(declared) == b"up 1\n"
        added = evolve(declared, endpoint=f"http://some.example:{endpoint}/metrics", reach=REACH)
        assert await http.get(added) == b"up 1\n"
        names.answers[:] = [("192.0.2.1",)]
        with pytest.raises(ScrapeError, match=r"192\.0\.2\.1 is not on this machine; allow it with api\.allow_targets"):
            await http.get(evolve(declared, reach=REACH))
        with pytest.raises(ScrapeError, match="link-local"):
            await http.get(evolve(added, endpoint="http://0xa9fea9fe/"))
    finally:
        await http.close()
