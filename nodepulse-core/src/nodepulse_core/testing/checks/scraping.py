"""What a scrape comes to where the target is down, misbehaves or hangs."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nodepulse_core.blocking import call_blocking
from nodepulse_core.collect import Scraper, TargetHTTP
from nodepulse_core.errors import ScrapeError
from nodepulse_core.exporter import HTTP, Exporter
from nodepulse_core.model import Target
from nodepulse_core.testing.metrics_server import Behaviour, metrics_server
from nodepulse_core.testing.subject import SLOT, Subject
from nodepulse_core.testing.verdict import SkippedError, UnmetError

_AGENT = "nodepulse-check"
_TIMEOUT = 0.3
_PATIENCE = 20.0
_LARGEST = 64 * 1024
_BAD: tuple[Behaviour, ...] = ("error", "html", "redirect", "half_line", "not_utf8", "bomb", "endless")
_TYPED = "Raise ScrapeError with a reason, as in: raise ScrapeError(f'cannot ask it: {error}') from error."


def a_target_that_is_down_is_a_scrape_error(subject: Subject) -> None:
    """Scrape where nobody listens, by each scheme; the exporter itself raises the typed error."""
    with closed_port() as port:
        for endpoint in list_endpoints(subject, port):
            ended = within(lambda endpoint=endpoint: call_once(subject.exporter, subject.target(endpoint)))  # type: ignore[misc]  # bound now
            scheme = endpoint.partition(":")[0]
            if not isinstance(ended, BaseException):
                raise UnmetError(
                    f"a {scheme} target that is down gives {type(ended).__name__} in place of an error", _TYPED
                )
            if not isinstance(ended, ScrapeError):
                raise UnmetError(f"a {scheme} target that is down raises {type(ended).__name__}: {ended}", _TYPED)
            if not str(ended).strip() or "\n" in str(ended):
                raise UnmetError(f"the reason is {str(ended)!r}", "Say it in one line: what failed, where, and why.")


def a_misbehaving_target_is_a_scrape_error(subject: Subject) -> None:
    """Scrape a server that answers in each wrong way, as the agent does."""
    _need_http(subject)
    with metrics_server() as server:
        target = subject.target(server.endpoint, max_body_size=_LARGEST)
        for behaviour in _BAD:
            server.behave(behaviour)
            ended = within(lambda: _scrape(subject.exporter, target, 10.0))
            if not isinstance(ended, BaseException):
                raise UnmetError(f"a server that misbehaves ({behaviour}) gives a scrape", _TYPED)
            if not isinstance(ended, ScrapeError) or " raised " in str(ended):
                raise UnmetError(f"a server that misbehaves ({behaviour}): {ended}", _TYPED)


def keeps_to_the_timeout(subject: Subject) -> None:
    """Scrape a server that hangs, then one that is well: the second scrape is taken."""
    _need_http(subject)
    text = subject.recorded[0].read_text() if subject.recorded else "up 1\n"

    async def twice(server: Any) -> object:
        http = TargetHTTP(_AGENT)
        scraper = Scraper(http)
        try:
            return await _take_twice(scraper, server)
        finally:
            await scraper.close(subject.exporter)
            await http.close()

    async def _take_twice(scraper: Scraper, server: Any) -> object:
        try:
            await scraper.scrape(subject.target(server.endpoint), subject.exporter, SLOT, _TIMEOUT)
        except ScrapeError as error:
            if "no answer within" not in str(error):
                return error
        server.behave("well")
        return await scraper.scrape(subject.target(server.endpoint), subject.exporter, SLOT, _PATIENCE / 2)

    behaviours: tuple[Behaviour, ...] = ("hang", "slow")
    for behaviour in behaviours:
        with metrics_server(text) as server:
            server.behave(behaviour)
            ended = within(lambda server=server: twice(server))  # type: ignore[misc]  # bound now
        if isinstance(ended, BaseException):
            raise UnmetError(
                f"after a server that {'hangs' if behaviour == 'hang' else 'is slow'}: {ended}",
                "Await all I/O, let CancelledError through, and give a blocking client target.timeout as its limit.",
            )


def within(call: Callable[[], Awaitable[object]]) -> object:
    """Return what a coroutine returns or raises; UnmetError where it keeps even the event loop from ending in time."""
    ended: list[object] = []

    async def run() -> object:
        return await call()

    def work() -> None:
        try:
            ended.append(asyncio.run(run()))
        except BaseException as error:  # noqa: BLE001 - a plugin's code; it is looked at by who asked
            ended.append(error)

    thread = threading.Thread(target=work, name="check", daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if not ended:
        raise UnmetError(
            f"a scrape does not return within {_PATIENCE:g} s, and cannot be cancelled",
            "Await all I/O, or write a plain def scrape, run in a thread; time.sleep in a coroutine stops all.",
        )
    return ended[0]


@contextmanager
def closed_port() -> Iterator[int]:
    """Give a port of 127.0.0.1 at which nobody listens, and which nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def list_endpoints(subject: Subject, port: int) -> list[str]:
    """Return an endpoint of each scheme that can be tried at a port; raises SkippedError where there is none."""
    http = [f"http://127.0.0.1:{port}/metrics"] if subject.reads_http else []
    endpoints = [*http, *(each.replace("{port}", str(port)) for each in subject.endpoints)]
    if not endpoints:
        raise SkippedError("it reads no http; give the suite endpoints like 'redis://127.0.0.1:{port}'")
    return endpoints


def _need_http(subject: Subject) -> None:
    if not subject.reads_http:
        raise SkippedError("it reads no http, so there is no server to misbehave")


async def _scrape(exporter: Exporter, target: Target, timeout: float) -> object:  # noqa: ASYNC109 - the scraper's own
    http = TargetHTTP(_AGENT)
    scraper = Scraper(http)
    try:
        return await scraper.scrape(target, exporter, SLOT, timeout)
    finally:
        await scraper.close(exporter)
        await http.close()


async def call_once(exporter: Exporter, target: Target) -> object:
    """Call its scrape itself, without what the agent makes of its errors."""
    http = TargetHTTP(_AGENT)
    try:
        return await _call_scrape(exporter, target, http)
    finally:
        await Scraper(http).close(exporter)
        await http.close()


async def _call_scrape(exporter: Exporter, target: Target, http: HTTP) -> object:
    if inspect.iscoroutinefunction(exporter.scrape):
        return await exporter.scrape(target, http)
    made = await call_blocking(lambda: exporter.scrape(target, http), "check")
    return await made if isinstance(made, Awaitable) else made
