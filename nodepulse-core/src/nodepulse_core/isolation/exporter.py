"""An exporter that runs in a process of its own: to all the rest, an exporter like any other.

    scrape ──────────┐                     ┌─▶ answer
    snapshot, detect ┴─▶ child, started ───┤
      (from a thread)     when it is asked └─▶ ended: counted, said, started again after 1 s to 60 s

A child that is not asked for a while is ended, as when its target was removed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import orjson
from attrs import frozen

from nodepulse_core.errors import EntryError, PluginError, ScrapeError, UnavailableError
from nodepulse_core.exporter import HTTP, Description, SnapshotObjects
from nodepulse_core.isolation.child import Child, ChildEndedError, Order
from nodepulse_core.model import Target
from nodepulse_core.units import format_duration

T = TypeVar("T")
SNAPSHOT_SECONDS = 10.0
"""How long one snapshot may take."""
_IN_ALL_SECONDS = 25.0
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
_MOST_DOUBLINGS = 6
_MOST_SPOILED = 3
_PART_FOR_THE_START = 0.8
log = logging.getLogger(__name__)


@frozen
class ChildState:
    """How the process of a target is: its number (None while there is none), and what became of those before it."""

    target: str
    type: str
    pid: int | None
    starts: int
    failures: int
    """How many ended although nobody asked them to, or could not be started."""
    last_failure: str | None
    failed_at: float | None
    """When that was: seconds since the epoch."""


class IsolatedExporter:
    """One exporter for one target, in at most one child. Made anywhere; asked in the loop, or from other threads."""

    def __init__(
        self,
        description: Description,
        order: Order,
        loop: asyncio.AbstractEventLoop,
        *,
        idle_seconds: float = _LONGEST_WAIT,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take what is known of the exporter, what a child is started for, and the loop that the agent runs in."""
        self.description = description
        self.order = order
        self.idle_seconds = idle_seconds
        self.name = description.name
        self.default_endpoint = description.default_endpoint
        self.default_interval = description.default_interval
        self.schemes = description.schemes
        self.ports = description.ports
        self.field_names = description.field_names
        self._loop = loop
        self._monotonic = monotonic
        self._now = now
        self._child: Child | None = None
        self._starting: asyncio.Task[Child] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._starts = 0
        self._failures = 0
        self._in_a_row = 0
        self._not_before = 0.0
        self._last_failure: str | None = None
        self._failed_at: float | None = None
        self._cannot_start = False
        self._spoiled = 0

    def state(self) -> ChildState:
        """Return how its process is."""
        pid = self._child.pid if self._child is not None else None
        return ChildState(
            self.order.target, self.name, pid, self._starts, self._failures, self._last_failure, self._failed_at
        )

    async def scrape(self, target: Target, http: HTTP) -> bytes:
        """Return what the exporter gives; raises ScrapeError, also while its process waits to be started again."""
        wait = self._not_before - self._monotonic()
        if wait > 0:
            raise ScrapeError(f"{self._last_failure}; it is started again in {format_duration(max(1, round(wait)))}")
        start = asyncio.ensure_future(self._ready())
        try:
            done, _ = await asyncio.wait({start}, timeout=_PART_FOR_THE_START * target.timeout)
        finally:
            start.cancel()  # the waiting, not the start itself
        if not done:
            raise ScrapeError(f"its process has not imported {self.name} yet; it is waited for")
        try:
            body = await start.result().scrape(target, http)
        except (ChildEndedError, PluginError) as error:
            wait = max(_FIRST_WAIT, self._not_before - self._monotonic())
            raise ScrapeError(f"{error}; it is started again in {format_duration(round(wait))}") from error
        self._in_a_row = 0
        return body

    def snapshot(self, text: str) -> SnapshotObjects:
        """Return the exporter's snapshot; to be called from another thread than the loop's.

        Raises EntryError where the exporter raises, or its process ends twice over it; UnavailableError where it cannot
        be asked.
        """
        made: SnapshotObjects = orjson.loads(self._from_thread(self._snapshot(text)))
        return made

    def detect(self, text: str) -> bool:
        """Tell what the exporter says of a text; to be called from another thread than the loop's."""
        return orjson.loads(self._from_thread(self._detect(text))) is True

    async def close(self) -> None:
        """End its process."""
        if self._idle is not None:
            self._idle.cancel()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        child, self._child = self._child, None
        if child is not None:
            await child.close()
        await asyncio.gather(*self._ending)

    async def _snapshot(self, text: str) -> bytes:
        if self._spoiled >= _MOST_SPOILED:
            raise UnavailableError(
                f"its process ended over {self._spoiled} snapshots in a row; it is not asked again before a restart"
            )
        for is_last in (False, True):
            child = await self._available()
            try:
                async with asyncio.timeout(SNAPSHOT_SECONDS):
                    body = await child.snapshot(text)
            except TimeoutError:
                child.kill(f"a snapshot took longer than {SNAPSHOT_SECONDS:g}s")
                self._spoiled += 1
                raise EntryError(f"its snapshot was not made within {SNAPSHOT_SECONDS:g}s") from None
            except ScrapeError as error:
                raise EntryError(f"its snapshot cannot be made: {error}") from error
            except ChildEndedError as error:
                if is_last:  # the first time it may have been over something else
                    self._spoiled += 1
                    raise EntryError(f"its snapshot cannot be made: {error}") from error
            else:
                self._spoiled = 0
                return body
        raise AssertionError("the last try returns or raises")

    async def _detect(self, text: str) -> bytes:
        return await (await self._available()).detect(text)

    async def _available(self) -> Child:
        """Return a child, started at once; raises UnavailableError where the last one could not be started just now."""
        if self._cannot_start and self._not_before > self._monotonic():
            raise UnavailableError(f"its exporter cannot be asked: {self._last_failure}")
        try:
            return await self._ready()
        except (ChildEndedError, PluginError) as error:
            raise UnavailableError(f"its exporter cannot be asked: {error}") from error

    def _from_thread(self, call: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            try:
                async with asyncio.timeout(_IN_ALL_SECONDS):
                    return await call
            except TimeoutError:
                raise UnavailableError(f"{self.name} was not ready within {_IN_ALL_SECONDS:g}s") from None

        asked = asyncio.run_coroutine_threadsafe(bounded(), self._loop)
        try:
            return asked.result(_IN_ALL_SECONDS + _FIRST_WAIT)
        except TimeoutError:
            asked.cancel()
            raise UnavailableError(f"{self.name} could not be asked: the event loop did not turn") from None

    async def _ready(self) -> Child:
        self._touch()
        if self._child is not None:
            return self._child
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name=f"start {self.order.target}")
            self._starting.add_done_callback(_retrieve)
        return await asyncio.shield(self._starting)

    async def _start(self) -> Child:
        try:
            child = await Child.start(self.order, self._note_end)
            self._starts += 1
            try:
                await child.open()
            except PluginError as error:
                child.closing = True  # its end is no further failure
                self._note_failure(str(error), could_start=False)
                raise
            except asyncio.CancelledError:  # the agent ends
                await child.close()
                raise
            if child.ended is None:
                self._child = child
            self._cannot_start = False
            return child
        except OSError as error:
            self._note_failure(f"its process cannot be started: {error.strerror}", could_start=False)
            raise ChildEndedError(self._last_failure or "") from error
        finally:
            self._starting = None

    def _note_end(self, child: Child) -> None:
        could_start = self._child is child
        if could_start:
            self._child = None
        if not child.closing:
            self._note_failure(child.ended or "", could_start=could_start)

    def _note_failure(self, reason: str, *, could_start: bool) -> None:
        self._failures += 1
        self._in_a_row += 1
        self._cannot_start = not could_start
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(self._in_a_row - 1, _MOST_DOUBLINGS))
        self._not_before = self._monotonic() + wait
        self._last_failure, self._failed_at = reason, self._now()
        if not self._in_a_row & (self._in_a_row - 1):
            times = f" ({self._failures} times so far)" if self._failures > 1 else ""
            log.warning(
                "%s (%s): %s%s; it is started again in %s",
                self.order.target,
                self.order.origin,
                reason,
                times,
                format_duration(wait),
            )

    def _touch(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self._loop.call_later(self.idle_seconds, self._retire)

    def _retire(self) -> None:
        child = self._child
        if self._starting is not None or (child is not None and child.busy):
            self._touch()
        if child is None or child.busy:
            return
        self._child = None
        task = self._loop.create_task(child.close(), name=f"end {self.order.target}")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _retrieve(start: asyncio.Task[Child]) -> None:
    """Take note of a failed start, which is in the books already, though nobody may wait for it any more."""
    if not start.cancelled():
        start.exception()
