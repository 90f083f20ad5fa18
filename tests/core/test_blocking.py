"""Blocking functions in threads: what they return, raise, and do when nobody waits any more."""

from __future__ import annotations

import asyncio
import threading

import pytest
from nodepulse_core.blocking import call_blocking


async def test_it_returns_what_the_function_returns() -> None:
    """The function runs in a thread of the given name, which does not hold up the process's end."""

    def look() -> tuple[str, bool]:
        thread = threading.current_thread()
        return thread.name, thread.daemon

    assert await call_blocking(look, "some name") == ("some name", True)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)])
async def test_it_raises_what_the_function_raises(error: BaseException) -> None:
    """An error of the function is raised where it is awaited, even one that would end a thread."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await call_blocking(fail, "t")


async def test_who_is_cancelled_goes_on_waiting_until_cancelled_again() -> None:
    """The first cancellation cannot end the thread, and shows it to be stuck; the second leaves it alone."""
    release = threading.Event()
    task = asyncio.ensure_future(call_blocking(lambda: release.wait(30), "t"))
    try:
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=0.05)
        assert not task.done()
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.cancelled()
    finally:
        release.set()


async def test_who_was_cancelled_is_so_once_the_thread_has_ended() -> None:
    """A cancelled call ends as cancelled when its thread returns, whatever that returned."""
    release = threading.Event()
    task = asyncio.ensure_future(call_blocking(lambda: release.wait(30), "t"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    release.set()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
