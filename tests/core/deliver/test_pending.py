"""The order of delivery: fresh windows and backlog, suspects and those that wait behind others."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core.buffer import Buffer, Limits
from nodepulse_core.buffer.entry_file import name_file
from nodepulse_core.deliver import Pending
from nodepulse_core.model import Window
from nodepulse_core.testing.clock import FakeClock
from support.delivery import BODY, HOUR, NOW, entry

Make = Callable[..., "Queue"]


class Queue:
    """A pending on a buffer, in seconds after the tests' now."""

    def __init__(
        self, path: Path, batch_size: int = 10, delay: float = 0.0, *, ordered: bool = False, found: int = 0
    ) -> None:
        (path / "t0").mkdir(parents=True)
        for slot in range(found):
            (path / "t0" / name_file(Window(NOW + slot, "web-1"))).touch()
        self.clock = FakeClock(NOW)
        self.buffer = Buffer(path, Limits(48 * HOUR, 2**30, 0), "never", monotonic=self.clock.monotonic)
        self.buffer.open()
        self.pending = Pending(self.buffer, batch_size, delay, ordered=ordered)

    async def backlog(self, *slots: int, targets: int = 1) -> None:
        """Store windows that nobody announced."""
        for slot in slots:
            for number in range(targets):
                await self.buffer.put(entry(slot, f"t{number}"), "t", BODY, now=NOW)

    async def fresh(self, *slots: int, now: float = 0.0) -> None:
        """Complete windows, one after the other."""
        for slot in slots:
            window = Window(NOW + slot, "web-1")
            self.buffer.windows.open(window, "t0")
            await self.backlog(slot)
            self.buffer.windows.close(window, "t0")
            self.pending.note_completed(NOW + now)

    def take(self, now: float = 0.0, *, outage: bool = False, hurry: bool = False) -> list[int]:
        """Return the slots of the next batch."""
        return [window.slot - NOW for window in self.pending.take(NOW + now, outage=outage, hurry=hurry)]

    async def deliver(self, *slots: int, now: float = 0.0) -> None:
        """Let a batch of those windows pass."""
        windows = [Window(NOW + slot, "web-1") for slot in slots]
        await self.buffer.ack(self.buffer.entries(windows))
        self.pending.passed(windows, NOW + now)
        self.pending.done(windows)

    def fail(self, *slots: int, now: float = 0.0) -> None:
        """Let a batch of those windows fail."""
        self.pending.failed([Window(NOW + slot, "web-1") for slot in slots], NOW + now)

    def due(self) -> float | None:
        """Return when the next one is due."""
        due = self.pending.next_due()
        return None if due is None else due - NOW


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Give what makes a queue; its buffer is closed at the end."""
    queues: list[Queue] = []

    def build(**more: Any) -> Queue:
        queues.append(Queue(tmp_path / str(len(queues)), **more))
        return queues[-1]

    yield build
    for queue in queues:
        await queue.buffer.close()


async def test_a_fresh_window_goes_alone_after_its_delay(make: Make) -> None:
    """It is due a delay after it was completed, and no sooner; each window is a batch of its own."""
    queue = make(delay=3.0)
    await queue.fresh(0, now=1)
    await queue.fresh(15, now=2)
    assert queue.due() == 4
    assert queue.take(3.9) == []
    assert queue.take(4) == [0]
    await queue.deliver(0)
    assert queue.take(5) == [15]


async def test_a_window_without_entries_is_nothing_to_send(make: Make) -> None:
    """Where every scrape of a window failed, nothing is due."""
    queue = make()
    window = Window(NOW, "web-1")
    queue.buffer.windows.open(window, "t0")
    queue.buffer.windows.close(window, "t0")
    queue.pending.note_completed(NOW)
    assert (queue.take(60), queue.due()) == ([], None)


async def test_backlog_and_fresh_windows_take_turns(make: Make) -> None:
    """Neither waits behind the other: one of each, the backlog's batches oldest first."""
    queue = make(batch_size=2)
    await queue.backlog(0, 1, 2, 3)
    await queue.fresh(100, 115)
    taken = []
    while slots := queue.take():
        taken.append(slots)
        await queue.deliver(*slots)
    assert taken == [[100], [0, 1], [115], [2, 3]]


async def test_a_backlog_batch_is_whole_windows_up_to_its_size(make: Make) -> None:
    """Windows are not cut: what does not fit waits; a window larger than a batch goes alone, whole."""
    queue = make(batch_size=5)
    await queue.backlog(0, 1, targets=2)
    await queue.backlog(2, targets=8)
    await queue.backlog(3)
    for expected in ([0, 1], [2], [3]):
        assert queue.take() == expected
        await queue.deliver(*expected)


async def test_in_an_outage_the_newest_window_alone_stays_fresh(make: Make) -> None:
    """Those that came before it join the backlog, so that what is newest is shown first."""
    queue = make()
    await queue.fresh(0, 15, 30)
    assert queue.take(outage=True) == [30]
    await queue.deliver(30)
    assert queue.take() == [0, 15]


async def test_many_windows_at_once_are_backlog(make: Make) -> None:
    """Where the sender falls behind, the newest eight stay fresh, and older ones go in batches."""
    queue = make()
    await queue.fresh(*range(12))
    assert queue.take() == [4]
    await queue.deliver(4)
    assert queue.take() == [0, 1, 2, 3]


async def test_in_a_hurry_nothing_waits_for_its_delay(make: Make) -> None:
    """At the end of the agent a window goes although its delay has not gone by."""
    queue = make(delay=60)
    await queue.fresh(0)
    assert queue.take() == []
    assert queue.take(hurry=True) == [0]


async def test_delayed_windows_are_bounded(make: Make) -> None:
    """However long the delay and however short the interval, a bounded number of windows waits for it."""
    queue = make(delay=10_000)
    await queue.fresh(*range(300))
    assert queue.take() == list(range(10))


async def test_after_a_batch_failed_others_are_tried(make: Make) -> None:
    """The one that failed is passed over as long as there are others to try; when there are none, it is tried again."""
    queue = make(batch_size=1)
    await queue.backlog(0, 1)
    assert queue.take() == [0]
    queue.fail(0)
    assert queue.take() == [1]
    queue.fail(1)
    assert queue.take() == [0]


async def test_a_batch_that_fails_while_others_pass_waits_behind_them(make: Make) -> None:
    """Each time another passes after it failed it waits twice as long, from a second to a quarter of an hour."""
    queue = make(batch_size=1)
    await queue.backlog(0)
    now, waits = 0.0, []
    for slot in range(1, 14):
        await queue.backlog(slot)
        assert queue.take(now) == [0]
        queue.fail(0, now=now)
        assert queue.take(now) == [slot]
        await queue.deliver(slot, now=now)
        due = queue.due()
        assert due is not None
        assert queue.take(due - 0.01) == []
        waits.append(due - now)
        now = due
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


async def test_what_was_blamed_before_is_not_tried_for_want_of_others(make: Make) -> None:
    """Where nothing else is there, a window that fails again waits as long as before, and no longer."""
    queue = make(batch_size=1)
    await queue.backlog(0, 1)
    queue.fail(0)
    await queue.deliver(1)
    for now in (1, 2, 3):
        assert queue.take(now) == [0]
        queue.fail(0, now=now)
        assert queue.take(now + 0.9) == []


async def test_windows_that_were_blamed_twice_go_alone(make: Make) -> None:
    """A batch in which one window is bad falls apart, so that the good ones pass."""
    queue = make(batch_size=3)
    await queue.backlog(0, 1, 2, 10, 11)
    for passing in (10, 11):
        queue.fail(0, 1, 2)
        await queue.deliver(passing)
    taken = []
    while slots := queue.take(10):
        taken.append(slots)
        await queue.deliver(*slots, now=10)
    assert taken == [[0], [1], [2]]


async def test_where_everything_fails_no_window_is_to_blame(make: Make) -> None:
    """After an outage, the backlog goes oldest first, whatever was tried in it: only the last few wait a second."""
    queue = make(batch_size=1)
    await queue.backlog(*range(200))
    for _ in range(500):
        (slot,) = queue.take()
        queue.fail(slot)
    (slot,) = queue.take()
    await queue.deliver(slot)
    taken = []
    while slots := queue.take(2):
        taken += slots
        await queue.deliver(*slots, now=2)
    assert sorted([*taken, slot]) == list(range(200))
    assert taken == sorted(taken)


async def test_a_batch_that_fails_shrinks_and_grows_again(make: Make) -> None:
    """What fails as ten is tried as five, two and one; each batch that passes adds one."""
    queue = make(batch_size=10)
    await queue.backlog(*range(100))
    sizes = []
    for _ in range(4):
        slots = queue.take()
        sizes.append(len(slots))
        queue.fail(*slots)
    assert sizes == [10, 5, 2, 1]
    sizes = []
    for _ in range(5):
        slots = queue.take()
        sizes.append(len(slots))
        await queue.deliver(*slots)
    assert sizes == [1, 2, 3, 4, 5]


async def test_a_failed_window_by_itself_shrinks_nothing(make: Make) -> None:
    """A single window that fails says nothing about the size of batches."""
    queue = make(batch_size=2)
    await queue.backlog(*range(4))
    queue.fail(0)
    assert queue.take() == [1, 2]


async def test_what_is_evicted_is_waited_for_no_longer(make: Make) -> None:
    """A window that waited behind others and was evicted is due at no time."""
    queue = make(batch_size=1)
    await queue.backlog(0, 1)
    queue.fail(0)
    await queue.deliver(1)
    assert queue.due() == 1
    queue.clock.time += 48 * HOUR + 1
    await queue.buffer.evict_old(queue.clock.now())
    assert queue.due() is None


async def test_an_open_window_waits_for_its_scrapes(make: Make) -> None:
    """Entries of a window that is still collected are not sent; later windows pass it."""
    queue = make()
    queue.buffer.windows.open(Window(NOW, "web-1"), "slow")
    await queue.backlog(0, 15)
    assert queue.take() == [15]


class TestOrdered:
    """What a sender that wants batches oldest first gets."""

    async def test_everything_goes_oldest_first(self, make: Make) -> None:
        """Fresh windows wait behind the backlog, and go in batches with it."""
        queue = make(batch_size=3, ordered=True)
        await queue.backlog(0, 1)
        await queue.fresh(2, 3)
        assert queue.take() == [0, 1, 2]

    async def test_nothing_overtakes_what_failed(self, make: Make) -> None:
        """The batch that failed is the next one, if in smaller parts."""
        queue = make(batch_size=4, ordered=True)
        await queue.backlog(*range(6))
        queue.fail(*queue.take())
        assert queue.take() == [0, 1]
        await queue.deliver(0, 1)
        assert queue.take() == [2, 3, 4]

    async def test_nothing_overtakes_an_open_window_that_holds_entries(self, make: Make) -> None:
        """What a target has in a window that is still open is sent before what it has in later ones."""
        queue = make(ordered=True)
        queue.buffer.windows.open(Window(NOW, "web-1"), "slow")
        await queue.backlog(0, 15)
        await queue.fresh(30)
        assert queue.take() == []
        queue.buffer.windows.close(Window(NOW, "web-1"), "slow")
        queue.pending.note_completed(NOW)
        assert queue.take() == [0, 15, 30]

    async def test_nothing_overtakes_a_window_that_is_not_yet_due(self, make: Make) -> None:
        """A later window, of which nobody announced the completion, waits as well."""
        queue = make(delay=5, ordered=True)
        await queue.fresh(0)
        await queue.backlog(15)
        assert queue.take(4) == []
        assert queue.take(5) == [0, 15]


async def test_a_step_costs_the_same_however_much_has_failed(make: Make) -> None:
    """With twenty times the windows that failed, a step takes nothing like twenty times as long."""

    async def cost(windows: int) -> float:
        queue = make(found=windows)
        for _ in range(windows // 10):
            queue.fail(*queue.take())
        least = float("inf")
        for _ in range(20):
            begun = time.perf_counter()
            queue.fail(*queue.take())
            queue.due()
            least = min(least, time.perf_counter() - begun)
        return least

    few, many = await cost(200), await cost(4_000)
    assert many < 7 * few
