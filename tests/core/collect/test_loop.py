"""The loop of one target: which slots it takes, when it tries again, and what disturbs it not."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.buffer.windows import OpenWindows
from nodepulse_core.collect import Collect, Job
from nodepulse_core.collect.scrape import Scraped
from nodepulse_core.errors import ScrapeError, StorageError
from nodepulse_core.exporter import HTTPExporter
from nodepulse_core.health import Health
from nodepulse_core.model import Entry, Retry, Target
from nodepulse_core.testing.clock import FakeClock

START = 1_800_000_000.0
EXPORTER = HTTPExporter("prometheus", default_endpoint="")
TINY = 1e-6


def target(name: str = "one", **more: Any) -> Target:
    """Return a target, every 15 s unless told otherwise."""
    return Target(name, "prometheus", "http://127.0.0.1:1/", **{"interval": 15.0, "timeout": 3.0, **more})


class MemoryBuffer:
    """What the loops know of a buffer; refuses to store while `error` is set."""

    def __init__(self) -> None:
        self.windows = OpenWindows()
        self.entries: list[Entry] = []
        self.error: str | None = None

    def __contains__(self, entry: Entry) -> bool:
        return entry in self.entries

    async def put(self, entry: Entry, type_: str, body: bytes, *, now: float) -> bool:
        """Keep an entry."""
        assert entry not in self.entries, "a slot is stored once"
        if self.error:
            raise StorageError(self.error)
        self.entries.append(entry)
        return True


@define
class Try:
    """One call of the scraper: when it began and ended, its slot, and the limit it was given."""

    began: float
    slot: int
    limit: float
    ended: float = 0.0


@define
class ScriptedScraper:
    """Takes the next number of seconds for each try, at most its limit; a failing one raises."""

    clock: FakeClock
    script: Callable[[], tuple[float, bool]]
    tries: list[Try] = field(factory=list)

    async def scrape(self, _: Target, __: object, slot: int, limit: float) -> Scraped:
        """Take a while, then fail or not."""
        seconds, good = self.script()
        self.tries.append(Try(self.clock.time, slot, limit))
        late = seconds > limit
        self.clock.time += min(seconds, limit)
        self.tries[-1].ended = self.clock.time
        if late or not good:
            raise ScrapeError("no answer" if late else "it answers 500")
        return Scraped(b"up 1\n", 1)


@define
class Bench:
    """A loop of one target with everything that it touches."""

    clock: FakeClock
    buffer: MemoryBuffer
    health: Health
    scraper: ScriptedScraper
    collect: Collect
    failed: list[str]

    async def run(self, job: Target, until: Callable[[], bool], most: int = 50_000) -> None:
        """Run the loop until something is true."""
        self.collect.add(Job(job, EXPORTER))
        for _ in range(most):
            if until():
                break
            await asyncio.sleep(0)
        else:
            pytest.fail("the loop never got there")
        await self.collect.stop()


def bench(script: Callable[[], tuple[float, bool]], start: float = START) -> Bench:
    """Return a bench on which each try takes what the script says."""
    clock, buffer, health, failed = FakeClock(start), MemoryBuffer(), Health(), []
    scraper = ScriptedScraper(clock, script)
    collect = Collect(
        buffer=buffer,  # type: ignore[arg-type]  # what the loops use of it
        scraper=scraper,  # type: ignore[arg-type]  # the same
        health=health,
        clock=clock,
        server_id="a",
        scrape_failed=lambda _, reason: failed.append(reason),
    )
    return Bench(clock, buffer, health, scraper, collect, failed)


def quick() -> tuple[float, bool]:
    """Take no time worth speaking of, and succeed."""
    return 0.01, True


async def test_the_first_scrape_is_at_once_and_the_others_on_aligned_ticks() -> None:
    """It begins with the slot that has just gone by, then takes every multiple of the interval."""
    b = bench(quick, START + 7.5)
    await b.run(target(), lambda: len(b.buffer.entries) >= 4)
    assert [entry.slot for entry in b.buffer.entries[:4]] == [START, START + 15, START + 30, START + 45]
    assert b.scraper.tries[0].began == START + 7.5
    assert [each.began for each in b.scraper.tries[1:4]] == pytest.approx([START + 15, START + 30, START + 45])


async def test_the_first_scrape_has_its_whole_timeout() -> None:
    """A start just before a tick does not make the first scrape fail for want of time."""
    b = bench(lambda: (2.0, True), START + 14.9)
    await b.run(target(), lambda: len(b.scraper.tries) >= 1)
    assert b.scraper.tries[0].limit == 3.0
    assert b.failed == []


async def test_a_first_scrape_that_began_late_costs_no_slot() -> None:
    """One that is under way at the next tick, and takes less than an interval, is followed by that slot at once."""
    b = bench(lambda: (2.0, True), START + 14.0)
    await b.run(target(), lambda: len(b.buffer.entries) >= 3)
    assert [entry.slot - START for entry in b.buffer.entries[:3]] == [0, 15, 30]
    assert [each.began - START for each in b.scraper.tries[:3]] == pytest.approx([14, 16, 30])
    assert b.health.target("one").skipped == 0


async def test_an_overrun_skips_the_next_slot_and_queues_nothing() -> None:
    """After a scrape of 20 s, the tick that went by is counted as skipped, and the next one is taken on time."""
    seconds = iter([20.0])
    b = bench(lambda: (next(seconds, 0.01), True))
    await b.run(target(timeout=30.0), lambda: len(b.buffer.entries) >= 3)
    assert [entry.slot - START for entry in b.buffer.entries[:3]] == [0, 30, 45]
    assert b.health.target("one").skipped == 1


async def test_a_failed_scrape_is_tried_at_its_next_slot() -> None:
    """A target that is down is said with its reason, and is taken again when it is back."""
    good = itertools.chain([False, False], itertools.repeat(True))
    b = bench(lambda: (0.01, next(good)))
    await b.run(target(), lambda: len(b.buffer.entries) >= 1)
    assert b.buffer.entries[0].slot == START + 30
    assert b.failed == ["it answers 500"] * 2
    known = b.health.target("one")
    assert [outcome.error for outcome in known.recent] == ["it answers 500", "it answers 500", None]
    assert known.condition.failures == 2
    assert not known.condition.failing


async def test_tries_are_repeated_within_the_slot() -> None:
    """With retries, a slot whose second try succeeds is stored under its own slot, and the retry is counted."""
    good = itertools.chain([False], itertools.repeat(True))
    b = bench(lambda: (0.01, next(good)))
    await b.run(target(retry=Retry(3)), lambda: len(b.buffer.entries) >= 1)
    assert b.buffer.entries[0].slot == START
    assert b.failed == []
    assert b.health.target("one").retries == 1


async def test_what_fails_to_the_end_says_how_often_it_was_tried() -> None:
    """After its last try the reason says how many there were."""
    b = bench(lambda: (0.01, False))
    await b.run(target(retry=Retry(3, "none")), lambda: len(b.failed) >= 1)
    assert b.failed[0] == "it answers 500 (tried 3 times)"
    assert len({each.slot for each in b.scraper.tries[:3]}) == 1


async def test_a_disk_that_takes_nothing_is_not_the_target_s_fault() -> None:
    """A scrape that cannot be stored fails the storage and not the target, and both are well again afterwards."""
    b = bench(quick)
    b.buffer.error = "no space left on device"
    await b.run(target(), lambda: len(b.failed) >= 2)
    assert b.health.storage.failing
    assert not b.health.target("one").condition.failing
    assert b.health.target("one").recent[-1].error == "no space left on device"
    assert b.health.target("one").samples == 0
    b.buffer.error = None
    await b.run(target(), lambda: len(b.buffer.entries) >= 1)
    assert not b.health.storage.failing


async def test_a_restarted_loop_takes_no_slot_twice() -> None:
    """When a target is removed and added within one slot, that slot is not scraped again, and the next one is."""
    b = bench(quick)
    await b.run(target(), lambda: len(b.scraper.tries) >= 1)
    b.buffer.entries.clear()  # delivered meanwhile
    await b.run(target(timeout=2.0), lambda: len(b.scraper.tries) >= 2)
    assert [each.slot - START for each in b.scraper.tries[:2]] == [0, 15]


async def test_a_loop_that_ended_by_itself_is_told() -> None:
    """A loop that nobody ended is named; while all run, none is."""
    b = bench(quick)
    b.collect.add(Job(target(), EXPORTER))
    await asyncio.sleep(0)
    assert b.collect.dead == []
    (loop,) = (task for task in asyncio.all_tasks() if task.get_name() == "collect one")
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert b.collect.dead == ["one"]
    await b.collect.stop()


async def test_every_window_that_was_opened_is_closed() -> None:
    """When the loops have ended, no window waits for a scrape that will never come."""
    b = bench(quick)
    await b.run(target(), lambda: len(b.buffer.entries) >= 3)
    assert not any(entry.window in b.buffer.windows for entry in b.buffer.entries)
    assert not b.buffer.windows._awaited


@given(
    interval=st.sampled_from([1.0, 1.5, 2.0, 15.0, 60.0]),
    share=st.floats(0.05, 1.0),
    retry=st.builds(Retry, st.integers(1, 10), st.sampled_from(["exponential", "constant", "none"])),
    script=st.lists(st.tuples(st.floats(0.0, 70.0), st.booleans()), min_size=5, max_size=40),
    offset=st.floats(0.0, 60.0),
)
async def test_the_law_of_slots(
    interval: float, share: float, retry: Retry, script: list[tuple[float, bool]], offset: float
) -> None:
    """Slots grow, tries never overlap, no repetition ends after the next tick, and a slot is stored once at most."""
    steps = itertools.cycle(script)
    b = bench(lambda: next(steps), START + offset)
    job = target(interval=interval, timeout=interval * share, retry=retry)
    await b.run(job, lambda: len(b.scraper.tries) >= len(script))
    tries = [each for each in b.scraper.tries if each.ended]
    for one, other in itertools.pairwise(tries):
        assert one.ended <= other.began + TINY
        assert one.slot <= other.slot
    for slot, group in itertools.groupby(tries, key=lambda each: each.slot):
        listed = list(group)
        assert len(listed) <= retry.max_attempts
        assert all(each.ended <= slot + 1 + interval for each in listed[1:])
    stored = [entry.slot for entry in b.buffer.entries]
    assert stored == sorted(set(stored))
