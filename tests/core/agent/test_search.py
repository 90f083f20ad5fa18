"""The search: what it leaves alone, and how it changes with the settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

import pytest
from nodepulse_core.agent.fleet import Fleet
from nodepulse_core.agent.search import Search, loopback_port
from nodepulse_core.collect import Found, Job
from nodepulse_core.config import Settings
from nodepulse_core.config.settings import (
    Agent,
    Discovery,
    EndpointText,
    ExporterSettings,
    Interval,
    Name,
    Server,
    URLText,
)
from nodepulse_core.exporter import Description, Exporter, HTTPExporter, describe
from nodepulse_core.model import Target
from nodepulse_core.testing.clock import FakeClock

SERVER = Server(URLText("http://localhost/in"))
EXPORTER = HTTPExporter("redis_exporter", default_endpoint="http://localhost:9121/metrics")
REDIS = Found(9121, "http://127.0.0.1:9121/metrics", "redis_exporter", own=True)


class Loops:
    """What the fleet knows of collect."""

    def __init__(self) -> None:
        self.running: dict[str, Target] = {}

    def add(self, job: Job) -> None:
        """Start a loop."""
        self.running[job.target.name] = job.target

    async def remove(self, name: str) -> None:
        """End a loop."""
        del self.running[name]


class Installed:
    """A registry with one exporter."""

    def names(self) -> list[str]:
        """Return its name."""
        return ["redis_exporter"]

    def load(self, _: str) -> Exporter:
        """Return it."""
        return EXPORTER

    def describe(self, _: str) -> Description:
        """Return what is known of it."""
        return describe(EXPORTER)


class Scanner:
    """Finds redis, unless it is told to leave its port; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Sequence[int] | None, set[int]]] = []

    async def scan(self, ports: Sequence[int] | None, leave: Iterable[int]) -> tuple[Found, ...]:
        """Answer."""
        self.asked.append((ports, set(leave)))
        return () if REDIS.port in set(leave) else (REDIS,)


class StillClock(FakeClock):
    """A clock on which a sleep never ends."""

    async def sleep(self, seconds: float) -> None:
        """Wait for ever."""
        del seconds
        await asyncio.Event().wait()


def settings(*exporters: ExporterSettings, enabled: bool = True, ports: tuple[int, ...] | None = None) -> Settings:
    """Return settings that ask for a search, or not."""
    return Settings(SERVER, exporters=exporters, discovery=Discovery(enabled=enabled, scan_ports=ports))  # type: ignore[arg-type]  # plain numbers


def make(first: Settings) -> tuple[Search, Scanner, Fleet, Loops]:
    """Return a search, and what it touches."""
    loops, scanner = Loops(), Scanner()
    fleet = Fleet(loops, lambda _: EXPORTER)  # type: ignore[arg-type]  # what it uses of it
    search = Search(
        scanner=scanner,  # type: ignore[arg-type]  # the same
        fleet=fleet,
        registry=Installed(),  # type: ignore[arg-type]  # the same
        clock=StillClock(),
        settings=first,
    )
    return search, scanner, fleet, loops


async def settle() -> None:
    """Let all tasks take their turns."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_searched_unless_asked_for() -> None:
    """Without discovery.enabled no port is looked at."""
    search, scanner, _, loops = make(settings(enabled=False))
    await search.start()
    await settle()
    assert scanner.asked == []
    assert loops.running == {}


async def test_what_is_found_is_scraped_as_the_settings_say() -> None:
    """A found target has its exporter's payload and the agent's interval."""
    asked = Settings(SERVER, agent=Agent(interval=Interval(7.0)), discovery=Discovery(enabled=True))
    search, _, _, loops = make(asked)
    await search.start()
    await settle()
    target = loops.running["redis_exporter"]
    assert (target.type, target.endpoint, target.interval) == ("redis_exporter", REDIS.endpoint, 7.0)
    await search.stop()
    assert "redis_exporter" in loops.running


@pytest.mark.parametrize(
    "declared",
    [
        ExporterSettings(Name("redis_exporter"), enabled=False),
        ExporterSettings(Name("other"), enabled=False, endpoint=EndpointText("http://localhost:9121/metrics")),
    ],
    ids=["by name", "by port"],
)
async def test_what_is_declared_and_disabled_is_not_scraped(declared: ExporterSettings) -> None:
    """`enabled: false` in the file keeps a listener away, by its name or by its port."""
    search, _, _, loops = make(settings(declared))
    await search.start()
    await settle()
    assert loops.running == {}
    await search.stop()


async def test_ports_of_other_targets_and_of_the_agent_are_left() -> None:
    """What another target scrapes on this machine is not looked at, nor is the agent's own port."""
    search, scanner, fleet, _ = make(settings(ports=(1, 2, 3)))
    near = Target("near", "redis_exporter", "http://[::1]:9121/metrics", 15.0, 3.0)
    far = Target("far", "redis_exporter", "http://10.0.0.1:9100/metrics", 15.0, 3.0)
    await fleet.apply([near, far], "file")
    await search.start()
    await settle()
    assert scanner.asked == [((1, 2, 3), {9121, 8088})]
    await search.stop()


async def test_a_search_that_is_asked_for_no_more_takes_its_targets_away(caplog: pytest.LogCaptureFixture) -> None:
    """After discovery.enabled: false nothing that was found is scraped, and the log names what it was."""
    search, _, _, loops = make(settings())
    await search.start()
    await settle()
    assert loops.running
    with caplog.at_level(logging.INFO):
        await search.adopt(settings(enabled=False))
    assert loops.running == {}
    assert not search.dead
    assert "discovery is off now; no longer scraped: redis_exporter" in caplog.text


async def test_the_same_search_goes_on() -> None:
    """Other settings that ask for the same search do not begin a new one; different ports do."""
    search, scanner, _, loops = make(settings())
    await search.start()
    await settle()
    await search.adopt(settings(ExporterSettings(Name("other"))))
    await settle()
    assert len(scanner.asked) == 1
    await search.adopt(settings(ports=(9121,)))
    await settle()
    assert len(scanner.asked) == 2
    assert list(loops.running) == ["redis_exporter"]
    await search.stop()


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://localhost:9100/metrics", 9100),
        ("http://127.0.0.2:9100/", 9100),
        ("https://[::1]/metrics", 443),
        ("http://localhost/metrics", 80),
        ("redis://localhost:6379", 6379),
        ("http://example.org:9100/metrics", None),
        ("http://10.0.0.1:9100/metrics", None),
        ("host:", None),
        ("unix:/run/redis.sock", None),
    ],
)
def test_the_port_of_an_endpoint_on_this_machine(endpoint: str, port: int | None) -> None:
    """An endpoint elsewhere, or without a port, has none."""
    assert loopback_port(endpoint) == port
