"""The threads of the disk: what is begun is ended, and what hangs is not waited for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest
from nodepulse_core.buffer.threads import DiskThreads


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Give what hanging calls wait for; it comes at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


async def test_what_was_begun_is_ended(hanging: threading.Event) -> None:
    """A call that waits for a free thread is called although its caller was cancelled."""
    threads = DiskThreads()
    blocked = [asyncio.ensure_future(threads.run(hanging.wait)) for _ in range(4)]
    called = threading.Event()
    waiting = asyncio.create_task(threads.run(called.set))
    await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    hanging.set()
    await asyncio.gather(*blocked)
    assert await threads.finish(20)
    assert called.is_set()
    threads.stop()


async def test_what_hangs_is_left(hanging: threading.Event) -> None:
    """The end waits no longer than it is told, and says that something is under way still."""
    threads = DiskThreads()
    stuck = [asyncio.ensure_future(threads.run(hanging.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not await threads.finish(0.01)
    threads.stop()
    hanging.set()
    await asyncio.gather(*stuck)


async def test_an_error_that_nobody_waits_for_is_not_shouted() -> None:
    """A started task that fails after its starter has gone is no unseen exception."""
    seen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
    threads = DiskThreads()

    def fail() -> None:
        raise OSError(5, "Input/output error")

    threads.start(threads.run(fail))
    assert await threads.finish(20)
    await asyncio.sleep(0)
    assert seen == []
    threads.stop()
