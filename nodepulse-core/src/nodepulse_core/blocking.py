"""Blocking functions, called from the event loop in a thread that holds up neither it nor the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def call_blocking(function: Callable[[], T], name: str) -> T:
    """Call a function in a thread of that name; return what it returns, or raise what it raises.

    A thread cannot be ended. Who is cancelled meanwhile goes on waiting for it, so that it can be seen to be stuck and
    is not started once more beside itself; a second cancellation leaves it alone.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    results: list[T] = []
    errors: list[BaseException] = []

    def settle() -> None:
        if not done.cancelled():
            done.set_result(None)

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - goes to the caller, whatever it is
            errors.append(error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        await asyncio.shield(done)
    except asyncio.CancelledError:
        await done
        raise
    if errors:
        raise errors[0]
    return results[0]
