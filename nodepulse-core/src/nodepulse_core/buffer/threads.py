"""The threads that the disk is waited for in, and all that is under way in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_THREADS = 4


class DiskThreads:
    """A few threads of one event loop; what was begun is ended, also where nobody waits for it any more."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="buffer")
        self._work: set[asyncio.Future[Any]] = set()

    async def run(self, call: Callable[[], T]) -> T:
        """Call something in a thread and return what it returns."""
        return await asyncio.shield(self._note(asyncio.get_running_loop().run_in_executor(self._threads, call)))

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start what is made of such calls; it is not cancelled with who starts it."""
        task = asyncio.create_task(work)
        self._note(task)
        return task

    async def finish(self, seconds: float) -> bool:
        """Wait so long for what is under way; return whether all of it has ended."""
        if not self._work:
            return True
        _, late = await asyncio.wait(self._work, timeout=seconds)
        return not late

    def stop(self) -> None:
        """Take no more work; what is under way is not waited for."""
        self._threads.shutdown(wait=False)

    def _note(self, work: asyncio.Future[T]) -> asyncio.Future[T]:
        self._work.add(work)
        work.add_done_callback(self._forget)
        return work

    def _forget(self, work: asyncio.Future[Any]) -> None:
        self._work.discard(work)
        if not work.cancelled():
            work.exception()  # where nobody waits for it, asyncio would say that nobody has seen it
