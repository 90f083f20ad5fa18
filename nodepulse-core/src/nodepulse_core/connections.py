"""Kept connections, one for each target: for exporters that ask a server directly, and do not want to dial each time.

ask ─▶ kept? ─▶ question ─▶ answer ─▶ kept again
         │          └─▶ it had gone away: once more, on a new one
         └─▶ connect
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from attrs import frozen

from nodepulse_core.model import Target

C = TypeVar("C")
A = TypeVar("A")

_IDLE_INTERVALS = 2.0


@frozen(eq=False)
class _Kept(Generic[C]):
    target: Target
    connection: C
    loop: asyncio.AbstractEventLoop
    expiry: asyncio.TimerHandle


class Connections(Generic[C]):
    """The connections that an exporter keeps, at most one for each of its targets.

    One that has failed, was cancelled in the middle of an answer, or was not used for two intervals (as when its
    target was removed) is closed.
    """

    def __init__(
        self,
        *,
        connect: Callable[[Target], Awaitable[C]],
        close: Callable[[C], Awaitable[None]],
        is_open: Callable[[C], bool],
    ) -> None:
        """Say how a connection is made, closed at once, without waiting for the other side, and seen to be open."""
        self._connect = connect
        self._close = close
        self._is_open = is_open
        self._kept: dict[str, _Kept[C]] = {}
        self._closing: set[asyncio.Future[None]] = set()

    async def ask(self, target: Target, question: Callable[[C], Awaitable[A]]) -> A:
        """Return what a question to the target's server gives; raises what connecting and asking raise.

        The question may be asked twice: a server that has been restarted is seen only when it is asked.
        """
        connection = await self._take(target)
        if connection is not None:
            try:
                return await self._ask(target, connection, question)
            except Exception:
                if self._is_open(connection):  # the server's answer: it would be the same again
                    raise
        return await self._ask(target, await self._connect(target), question)

    async def close(self) -> None:
        """Close all connections."""
        for name in list(self._kept):
            self._drop(name)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _take(self, target: Target) -> C | None:
        """Return the target's kept connection, which is then the caller's; one that is of no use is closed."""
        kept = self._kept.pop(target.name, None)
        if kept is None or kept.loop is not asyncio.get_running_loop():
            return None
        kept.expiry.cancel()
        if kept.target == target and self._is_open(kept.connection):
            return kept.connection
        await self._close(kept.connection)
        return None

    async def _ask(self, target: Target, connection: C, question: Callable[[C], Awaitable[A]]) -> A:
        answered = False
        try:
            answer = await question(connection)
            answered = True
        except Exception:
            answered = self._is_open(connection)
            raise
        finally:
            # A cancelled question leaves half an answer behind.
            if answered:
                self._keep(target, connection)
            else:
                await self._close(connection)
        return answer

    def _keep(self, target: Target, connection: C) -> None:
        self._drop(target.name)
        loop = asyncio.get_running_loop()
        expiry = loop.call_later(_IDLE_INTERVALS * target.interval + target.timeout, self._drop, target.name)
        self._kept[target.name] = _Kept(target, connection, loop, expiry)

    def _drop(self, name: str) -> None:
        kept = self._kept.pop(name, None)
        if kept is None:
            return
        kept.expiry.cancel()
        closing = asyncio.ensure_future(self._close(kept.connection))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
