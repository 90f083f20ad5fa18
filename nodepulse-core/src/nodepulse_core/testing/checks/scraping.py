"""What a scrape comes to where the target is down, misbehaves or hangs."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

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
_TOO_LONG: tuple[Behaviour, ...] = ("hang", "slow")
_PORT = re.compile(r":\d+\b")
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
    """Scrape servers that hang, by each scheme, then once more: the second scrape is taken."""
    if subject.reads_http:
        for behaviour in _TOO_LONG:
            with metrics_server(subject.recorded[0].read_text() if subject.recorded else "up 1\n") as server:
                server.behave(behaviour)
                target = subject.target(server.endpoint)
                well = partial(server.behave, "well")
                ended = within(lambda target=target, well=well: _scrape_again(subject, target, well))  # type: ignore[misc]  # bound now
            _look(ended, f"after a server that is told to be {behaviour!r}")
    with silent_port() as port:
        for endpoint in list_endpoints(subject, port):
            if not endpoint.startswith("http:"):
                target = subject.target(endpoint)
                ended = within(lambda target=target: _scrape_again(subject, target))  # type: ignore[misc]  # bound now
                _look(ended, f"after a server that does not answer {endpoint.partition(':')[0]}")


def _look(ended: object, when: str) -> None:
    if isinstance(ended, BaseException):
        raise UnmetError(
            f"{when}: {ended}",
            "Await all I/O, let CancelledError through, and give a blocking client target.timeout as its limit.",
        )


async def _scrape_again(subject: Subject, target: Target, well: Callable[[], None] | None = None) -> object:
    """Scrape a target that takes too long, then again: once it is well, or with the same end. Returns what is wrong."""
    http = TargetHTTP(_AGENT)
    scraper = Scraper(http)
    try:
        for limit in (_TIMEOUT, _TIMEOUT if well is None else _PATIENCE / 2):
            try:
                await scraper.scrape(target, subject.exporter, SLOT, limit)
            except ScrapeError as error:
                if "no answer within" not in str(error) or limit > _TIMEOUT:
                    return error
            if well is not None:
                well()
        return None
    finally:
        await scraper.close(subject.exporter)
        await http.close()


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


@contextmanager
def silent_port() -> Iterator[int]:
    """Give a port of 127.0.0.1 that takes connections and never says anything."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # the kernel accepts; nobody reads
        yield listening.getsockname()[1]


def list_endpoints(subject: Subject, port: int) -> list[str]:
    """Return an endpoint of each scheme that can be tried at a port; raises SkippedError where there is none."""
    http = ["http://127.0.0.1:{port}/metrics"] if subject.reads_http else []
    usual = subject.exporter.default_endpoint
    if not subject.endpoints and not usual.startswith("http"):
        http += [_PORT.sub(":{port}", usual)] if _PORT.search(usual) else []
    endpoints = [*http, *subject.endpoints]
    if not endpoints:
        raise SkippedError("no port of it is known; give the suite endpoints like 'redis://127.0.0.1:{port}'")
    return [each.replace("{port}", str(port)) for each in endpoints]


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
