"""Discovery: what is found becomes a target, stays for two missed scans, and never takes what is declared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from attrs import define, field
from nodepulse_core.collect import Discovery, Found
from nodepulse_core.collect.discovery import Known
from nodepulse_core.errors import PluginError
from nodepulse_core.model import Target
from nodepulse_core.testing.clock import FakeClock

REDIS = Found(9121, "http://127.0.0.1:9121/metrics", "redis_exporter", own=True)
OTHER = Found(9256, "http://127.0.0.1:9256/metrics")


@define
class Bench:
    """A discovery with everything that it touches."""

    answers: list[Found] = field(factory=list)
    ports: set[int] = field(factory=set)
    names: set[str] = field(factory=set)
    applied: list[list[str]] = field(factory=list)
    left: list[set[int]] = field(factory=list)
    broken: set[str] = field(factory=set)
    clock: FakeClock = field(factory=FakeClock)

    async def scan(self, ports: Sequence[int] | None, leave: Iterable[int]) -> tuple[Found, ...]:
        """Answer as a scanner would."""
        self.left.append(set(leave))
        return tuple(each for each in self.answers if each.port not in set(leave))

    def make(self, found: Found) -> Target:
        """Make a target."""
        if found.name in self.broken:
            raise PluginError("it is broken")
        return Target(found.name, found.type, found.endpoint, 15.0, 3.0)

    async def apply(self, targets: Sequence[Target]) -> None:
        """Note the targets."""
        self.applied.append([target.name for target in targets])

    def discovery(self, known: dict[str, Known] | None = None) -> Discovery:
        """Return a discovery."""
        return Discovery(
            scanner=self,  # type: ignore[arg-type]  # what it uses of it
            clock=self.clock,
            ports=None,
            interval=300.0,
            taken=lambda: (self.ports, self.names),
            make=self.make,
            apply=self.apply,
            known=known,
        )


async def test_what_answers_is_a_target() -> None:
    """Each scan tells all targets that there are."""
    bench = Bench([REDIS, OTHER])
    await bench.discovery().scan()
    assert bench.applied == [["redis_exporter", "port_9256"]]


async def test_a_target_goes_after_three_missed_scans(said: pytest.LogCaptureFixture) -> None:
    """Two scans without an answer change nothing; the third takes it away, and says so; one answer starts anew."""
    bench = Bench([REDIS])
    discovery = bench.discovery()
    await discovery.scan()
    bench.answers = []
    for _ in range(2):
        await discovery.scan()
    bench.answers = [REDIS]
    await discovery.scan()
    bench.answers = []
    for _ in range(3):
        await discovery.scan()
    assert bench.applied == [["redis_exporter"]] * 6 + [[]]
    assert said.messages == [
        "found redis_exporter: redis_exporter at http://127.0.0.1:9121/metrics",
        "redis_exporter at http://127.0.0.1:9121/metrics has not answered for 3 scans; it is gone",
    ]


async def test_what_is_declared_is_left_alone() -> None:
    """Neither its port is looked at, nor its name taken."""
    bench = Bench([REDIS, OTHER], ports={9121}, names={"port_9256"})
    await bench.discovery().scan()
    assert bench.left == [{9121}]
    assert bench.applied == [[]]


async def test_what_is_declared_since_is_given_up_at_once() -> None:
    """A found target whose name or port the file takes over is not scraped twice for two more scans."""
    bench = Bench([REDIS, OTHER])
    discovery = bench.discovery()
    await discovery.scan()
    bench.ports, bench.names = {9121}, {"port_9256"}
    await discovery.scan()
    assert bench.applied[-1] == []


async def test_a_target_that_cannot_be_made_is_said_once(said: pytest.LogCaptureFixture) -> None:
    """The others are there all the same."""
    bench = Bench([REDIS, OTHER], broken={"redis_exporter"})
    discovery = bench.discovery()
    await discovery.scan()
    await discovery.scan()
    assert bench.applied == [["port_9256"]] * 2
    assert said.text.count("is not scraped: it is broken") == 1


async def test_it_scans_at_once_and_then_at_its_interval() -> None:
    """A scan that fails is logged, and the next one is taken."""
    bench = Bench([REDIS])
    running = asyncio.create_task(bench.discovery().run())
    began = bench.clock.time
    while len(bench.applied) < 3:  # noqa: ASYNC110 - the fake clock needs its turns, and nothing else waits
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert bench.clock.time - began in {600.0, 900.0}


async def test_what_an_earlier_one_knew_is_not_lost() -> None:
    """A discovery that follows another keeps what does not answer just now."""
    bench = Bench()
    await bench.discovery({"redis_exporter": Known(REDIS, missed=1)}).scan()
    assert bench.applied == [["redis_exporter"]]
