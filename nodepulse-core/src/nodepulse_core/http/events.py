"""The live status page: what has changed, over server-sent events, at most once a second.

    a page opens ─▶ room? ─▶ everything ─▶ each second: what differs from what it was sent ─▶ …
                      └─▶ 503                 └─▶ does not read for 10 s ─▶ dropped, counted

Nothing is made, kept or woken while no page is open. A client has no queue: what it has not read yet is not made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

import orjson
from aiohttp import web
from attrs import frozen

from nodepulse_core.agent.report import Report
from nodepulse_core.clock import Clock
from nodepulse_core.families import Family
from nodepulse_core.http.answers import Refusal
from nodepulse_core.http.fragments import Fragments, Show, draw
from nodepulse_core.http.page import show_of
from nodepulse_core.http.rows import Rows

MOST = 8
"""How many pages can be live at once."""
_PERIOD = 1.0
_FRESH = 0.5
_BEAT = 5.0
_PATIENCE = 10.0
_RETRY = b"retry: 2000\n\n"
_AGAIN = 5

log = logging.getLogger(__name__)


@frozen
class _Look:
    """A report, and when it was made by the clock that never jumps."""

    made: float
    report: Report


class Events:
    """Serves the streams of all open pages."""

    def __init__(self, report: Callable[[], Report], clock: Clock) -> None:
        """Take what makes a report, and the time."""
        self._report = report
        self._clock = clock
        self._rows = Rows()
        self._look: _Look | None = None
        self._ending = asyncio.Event()
        self.open = 0
        self.dropped = 0
        """Pages that were no longer served, because they did not read."""

    def families(self) -> tuple[Family, ...]:
        """Return the metrics of the pages."""
        dropped = "Status pages that are no longer live, because they did not read."
        return (
            Family(
                "nodepulse_pages_open", "gauge", f"Status pages that are live, of {MOST} at most.", (({}, self.open),)
            ),
            Family("nodepulse_pages_dropped_total", "counter", dropped, (({}, self.dropped),)),
        )

    async def end(self, app: web.Application) -> None:
        """End all streams: the agent ends, and waits for none of them."""
        del app
        self._ending.set()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer with events until the page goes, or the agent ends; 503 where too many are open."""
        show = show_of(request)
        if self.open >= MOST:
            reason = f"{MOST} pages are live already; close one, or reload this one by hand"
            raise Refusal(503, reason, headers={"Retry-After": str(_AGAIN)})
        self.open += 1
        try:
            return await self._stream(request, show)
        finally:
            self.open -= 1
            if not self.open:
                self._look, self._rows = None, Rows()

    async def _stream(self, request: web.Request, show: Show) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        sent: Fragments | None = None
        spoke = self._clock.monotonic()
        try:
            await self._write(response, _RETRY)
            while not self._ending.is_set():
                report = self._current()
                drawn = draw(report, self._rows, show=show, host=request.host, now=None)
                known = {} if sent is None else sent.parts
                changed = {name: part for name, part in drawn.parts.items() if known.get(name) != part}
                rows = drawn.rows if sent is None or sent.rows != drawn.rows else None
                if changed or rows is not None or self._clock.monotonic() - spoke >= _BEAT:
                    await self._write(response, _message(report, changed, rows))
                    spoke = self._clock.monotonic()
                sent = drawn
                await self._clock.wait(self._ending, _PERIOD)
        except TimeoutError:
            self.dropped += 1
            log.info("a status page has not read for %g s and is no longer live; dropped: %d", _PATIENCE, self.dropped)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass  # the page was closed
        return response

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(_PATIENCE):
            await response.write(data)

    def _current(self) -> Report:
        """Return a report of this moment, one for all pages."""
        now = self._clock.monotonic()
        if self._look is None or now - self._look.made >= _FRESH:
            self._look = _Look(now, self._report())
            self._rows.keep({target.name for target in self._look.report.targets})
        return self._look.report


def _message(report: Report, changed: Mapping[str, str], rows: tuple[str, ...] | None) -> bytes:
    """Return an event: the time, the parts that changed by id, and the rows in their order where that changed."""
    parts = {name: str(part) for name, part in changed.items()}  # orjson takes no class of ours
    value = {"at": report.at, "version": report.version, "parts": parts, "rows": rows}
    return b"data: " + orjson.dumps(value) + b"\n\n"
