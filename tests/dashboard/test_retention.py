"""Old snapshots go, and the oldest where there are too many; both are counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from nodepulse_dashboard.delivery import Row
from nodepulse_dashboard.errors import StoreError
from nodepulse_dashboard.retention import Retention
from nodepulse_dashboard.store import Store
from support.reference import SLOT, StillClock


@pytest.fixture
def writer() -> Iterator[ThreadPoolExecutor]:
    """Give the one thread that writes."""
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give a store of at most 512 KiB."""
    made = Store(tmp_path / "dashboard.sqlite", max_size=512 * 1024)
    yield made
    made.close()


async def forgotten(store: Store, writer: ThreadPoolExecutor, keep: float) -> int:
    """Run one round of retention at SLOT; return how many snapshots it counts as forgotten."""
    clock = StillClock(SLOT)
    retention = Retention(store, writer, keep, clock)
    task = asyncio.create_task(retention.run())
    await asyncio.wait_for(clock.asleep.wait(), 20)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return retention.forgotten


async def test_what_arrived_too_long_ago_goes(store: Store, writer: ThreadPoolExecutor) -> None:
    """Age is counted from arrival: an old slot that arrived just now stays, and all that arrived too early goes."""
    store.add([Row("w", "a", "a", slot, "{}") for slot in range(1500)], SLOT - 101)
    store.add([Row("w", "b", "b", 0, "{}")], SLOT - 99)
    assert await forgotten(store, writer, keep=100) == 1500
    assert [source.key for source in store.sources()] == ["b"]


async def test_a_database_that_is_nearly_full_gets_room(store: Store, writer: ThreadPoolExecutor) -> None:
    """Above nine tenths of its size the oldest go, however young they are; below, nothing goes."""
    body = '"' + "x" * 20_000 + '"'
    with suppress(StoreError):
        for slot in range(100):
            store.add([Row("w", "a", "a", slot, body)], SLOT)
    stored = sum(source.snapshots for source in store.sources())
    assert await forgotten(store, writer, keep=100) == stored
    assert store.size() < 0.9 * store.max_size
    store.add([Row("w", "a", "a", 0, body)], SLOT)
    assert await forgotten(store, writer, keep=100) == 0


async def test_a_store_that_fails_is_tried_again(
    store: Store, writer: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that cannot be written now is said, with when the next try is, and does not end the retention."""
    store._writer.execute("PRAGMA query_only = ON")
    assert await forgotten(store, writer, keep=100) == 0
    assert "next try in 1m" in caplog.text
