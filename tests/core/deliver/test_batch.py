"""Batches are made in a thread, and do not wait for a plugin that never returns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from nodepulse_core.deliver import BatchMaker, Unfit
from nodepulse_core.errors import StorageError
from nodepulse_core.model import Entry, Snapshot
from support.delivery import entry, snapshot

SHORT = 0.2


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Give what lets hanging snapshots return; they all do at the end."""
    event = threading.Event()
    yield event
    event.set()


def hanging_at(release: threading.Event, *targets: str) -> BatchMaker:
    """Return a maker that hangs in the snapshots of some targets."""

    def make(of: Entry) -> Snapshot | Unfit:
        if of.target in targets:
            release.wait()
        return snapshot(of)

    return BatchMaker(make, SHORT)


async def test_a_batch_holds_what_is_fit_in_order() -> None:
    """Snapshots come in the order of the entries; what is unfit is told apart, with its reason."""
    torn = entry(15)
    maker = BatchMaker(lambda of: Unfit(of, "torn") if of == torn else snapshot(of))
    made = await maker.make([entry(0), torn, entry(30)])
    assert made.batch.entries == (entry(0), entry(30))
    assert made.batch.server_id == "web-1"
    assert made.unfit == (Unfit(torn, "torn"),)


async def test_no_entries_are_no_batch() -> None:
    """Windows whose entries have gone meanwhile give an empty batch, and start no thread."""
    made = await BatchMaker(lambda _: pytest.fail("there is nothing to make")).make([])
    assert (made.batch.snapshots, made.unfit) == ((), ())


async def test_the_event_loop_goes_on_meanwhile() -> None:
    """While a snapshot is made, other tasks run."""
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def make(of: Entry) -> Snapshot | Unfit:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(20)
        return snapshot(of)

    making = asyncio.create_task(BatchMaker(make).make([entry()]))
    await begun.wait()
    go_on.set()
    assert (await making).batch.entries == (entry(),)


async def test_a_snapshot_that_hangs_costs_its_own_entry_only(release: threading.Event) -> None:
    """The entry it hangs on is unfit, with the time it was given; what comes before and after it is in the batch."""
    maker = hanging_at(release, "stuck")
    made = await maker.make([entry(0, "a"), entry(0, "stuck"), entry(0, "z")])
    assert made.batch.entries == (entry(0, "a"), entry(0, "z"))
    assert made.unfit == (Unfit(entry(0, "stuck"), "its snapshot was not made within 200ms"),)
    assert maker.hanging == ("stuck",)


async def test_threads_that_hang_are_bounded(release: threading.Event) -> None:
    """After the third snapshot of a target that hangs, what else there is of it is left, and others are made."""
    maker = hanging_at(release, "stuck")
    made = await maker.make([*(entry(slot, "stuck") for slot in range(5)), entry(0, "well")])
    assert made.batch.entries == (entry(0, "well"),)
    assert [unfit.fate for unfit in made.unfit] == ["quarantine"] * 3 + ["leave"] * 2
    assert len(maker.hanging) == 3


async def test_a_target_is_asked_again_once_its_snapshots_have_returned(release: threading.Event) -> None:
    """What hung and returned late is not held against the target; its late result is not used."""
    maker = hanging_at(release, "stuck")
    await maker.make([entry(slot, "stuck") for slot in range(4)])
    release.set()
    async with asyncio.timeout(20):
        while maker.hanging:  # noqa: ASYNC110 - the end of a thread sets no event
            await asyncio.sleep(0.01)
    made = await maker.make([entry(9, "stuck")])
    assert made.batch.entries == (entry(9, "stuck"),)


async def test_a_thread_that_was_given_up_goes_no_further(release: threading.Event) -> None:
    """Once its hanging call returns it ends, and does not make over again what another thread has made since."""
    calls: list[Entry] = []

    def make(of: Entry) -> Snapshot | Unfit:
        calls.append(of)
        if of.target == "stuck":
            release.wait()
        return snapshot(of)

    maker = BatchMaker(make, SHORT)
    await maker.make([entry(0, "stuck"), entry(15), entry(30)])
    release.set()
    async with asyncio.timeout(20):
        while maker.hanging:  # noqa: ASYNC110 - the end of a thread sets no event
            await asyncio.sleep(0.01)
    assert calls == [entry(0, "stuck"), entry(15), entry(30)]


async def test_many_slow_snapshots_are_not_one_that_hangs() -> None:
    """The limit is for one snapshot: a batch may take longer, as long as it goes on."""
    pause = threading.Event()

    def make(of: Entry) -> Snapshot | Unfit:
        pause.wait(SHORT / 2)
        return snapshot(of)

    made = await BatchMaker(make, SHORT).make([entry(slot) for slot in range(6)])
    assert len(made.batch.snapshots) == 6


async def test_a_machine_that_cannot_read_is_the_callers_to_know() -> None:
    """An error that says nothing of an entry is raised, and no entry is unfit for it."""

    def make(_: Entry) -> Snapshot | Unfit:
        raise StorageError("too many open files")

    with pytest.raises(StorageError, match="too many open files"):
        await BatchMaker(make).make([entry()])
