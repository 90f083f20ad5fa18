"""One scrape: what an exporter gives for a target, bounded in time and bytes, checked and stamped.

An exporter is foreign code: it may hang, raise anything, or try to end the process. It is run in a task of its
own, and all of that becomes a ScrapeError of its own target.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from attrs import frozen
from yarl import URL

from nodepulse_core.calls import call_scrape
from nodepulse_core.collect.resolver import OutOfReachError, ReachResolver
from nodepulse_core.errors import ExpositionError, NodePulseError, ScrapeError
from nodepulse_core.exporter import HTTP, Exporter
from nodepulse_core.exposition import stamp
from nodepulse_core.model import Target, show_endpoint
from nodepulse_core.peer.access import request_headers
from nodepulse_core.peer.reasons import explain, explain_loss
from nodepulse_core.peer.tls import TlsContexts
from nodepulse_core.reach import Reach
from nodepulse_core.units import format_duration, format_size

_ACCEPT = "text/plain;version=0.0.4;q=1,text/plain;q=0.8,*/*;q=0.1"
_KEEP_ALIVE = 90.0
_CONNECTIONS = 100
_CLOSING = 1.0
_LARGE = 512 * 1024
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_OK = 200
_REDIRECTS = range(300, 400)


class TargetHTTP:
    """HTTP as exporters are given it: one session for all targets, no redirects, bodies read in capped pieces."""

    def __init__(self, user_agent: str) -> None:
        self._user_agent = user_agent
        self._sessions: dict[Reach | None, aiohttp.ClientSession] = {}
        self._contexts = TlsContexts()

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def get(self, target: Target) -> bytes:
        """Return the decoded body of the target's endpoint; raises ScrapeError with the reason.

        It takes as long as the target does: who calls it sets the limit.
        """
        url = URL(target.endpoint)
        headers = {"Accept-Encoding": "identity" if url.host in _LOOPBACK else "gzip"}
        try:
            headers |= request_headers(target.access)
            _check_reach(target.reach, url)
            context = self._contexts.get(target.access.tls) if url.scheme == "https" else True
            async with self._session(target.reach).get(
                url, headers=headers, allow_redirects=False, ssl=context
            ) as response:
                _check_status(response)
                return await _read(response, target.max_body_size)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, OutOfReachError):
                raise ScrapeError(str(error.os_error)) from error
            raise ScrapeError(f"cannot connect to {url.host}:{url.port}: {explain(error.os_error)}") from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            raise ScrapeError(explain_loss(error, url.scheme)) from error
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError) as error:
            raise ScrapeError(explain(error)) from error
        except NodePulseError as error:
            raise ScrapeError(str(error)) from error

    def _session(self, reach: Reach | None) -> aiohttp.ClientSession:
        """Return the session of a reach: a connection that one may have made is never another's."""
        session = self._sessions.get(reach)
        if session is None:
            resolver = None if reach is None else ReachResolver(reach)
            session = self._sessions[reach] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE, resolver=resolver),
                headers={"Accept": _ACCEPT, "User-Agent": self._user_agent},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
            )
        return session


def _check_reach(reach: Reach | None, url: URL) -> None:
    """Refuse an address, which no resolver is asked for."""
    if reach is not None and (fault := reach.find_fault(str(url))):
        raise ScrapeError(fault)


def _check_status(response: aiohttp.ClientResponse) -> None:
    if response.status in _REDIRECTS:
        to = show_endpoint(response.headers.get("Location", "nowhere"))
        raise ScrapeError(f"it redirects ({response.status}) to {to!r}, which is not followed; configure that endpoint")
    if response.status != _OK:
        raise ScrapeError(f"it answers {response.status} {response.reason or ''}".rstrip())
    if response.content_type == "text/html":
        raise ScrapeError("it answers with an HTML page; is the path of the endpoint right (often /metrics)?")


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise ScrapeError(f"it answers in the encoding {encoding!r}, which was not asked for")
    inflate = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    pieces = []
    size = 0
    async for piece in response.content.iter_any():
        try:
            part = inflate.decompress(piece, limit - size + 1) if inflate else piece
        except zlib.error as error:
            raise ScrapeError(f"its gzip body is broken: {error}") from error
        size += len(part)
        if size > limit:
            raise ScrapeError(f"its body is larger than max_body_size, {format_size(limit)}")
        pieces.append(part)
    if inflate and not inflate.eof:
        raise ScrapeError("its gzip body is cut short")
    return b"".join(pieces)


@frozen
class Scraped:
    """A stamped exposition and the number of its samples."""

    body: bytes
    samples: int


class Scraper:
    """Takes scrapes, and keeps plugins that do not return from taking anything else with them."""

    def __init__(self, http: HTTP) -> None:
        self._http = http
        self._stuck: dict[str, asyncio.Future[Any]] = {}

    async def scrape(self, target: Target, exporter: Exporter, slot: int, timeout: float) -> Scraped:  # noqa: ASYNC109 - the limit is part of the contract, and not the caller's to enforce
        """Return a target's exposition, stamped with the slot; raises ScrapeError with the reason."""
        stuck = self._stuck.get(target.name)
        if stuck and not stuck.done():
            raise ScrapeError(
                f"{exporter.name} has not returned from an earlier scrape; it is not called again until it has"
            )
        task = asyncio.create_task(call_scrape(exporter, target, self._http), name=f"scrape {target.name}")
        try:
            await asyncio.wait({task}, timeout=timeout)
        finally:
            if not task.done():
                task.cancel()
                self._stuck[target.name] = task
        if not task.done():
            await asyncio.sleep(0)  # lets a well-behaved exporter take its cancellation
            raise ScrapeError(f"no answer within {format_duration(timeout)}")
        return await _checked(task.result(), target, slot)

    async def close(self, exporter: Exporter) -> None:
        """Have an exporter close what it keeps open, where it has a `close`; it gets 1 s, and may raise anything."""
        if hasattr(exporter, "close"):
            task = asyncio.ensure_future(_close(exporter.close))
            await asyncio.wait({task}, timeout=_CLOSING)
            task.cancel()


async def _checked(body: object, target: Target, slot: int) -> Scraped:
    if isinstance(body, ScrapeError):
        raise body
    if not isinstance(body, bytes):
        raise ScrapeError(f"its exporter returned {type(body).__name__}, where bytes of an exposition are due")
    if len(body) > target.max_body_size:
        raise ScrapeError(f"its body is larger than max_body_size, {format_size(target.max_body_size)}")
    try:
        stamped, samples = await asyncio.to_thread(stamp, body, slot) if len(body) > _LARGE else stamp(body, slot)
    except ExpositionError as error:
        raise ScrapeError(str(error)) from error
    if not samples:
        raise ScrapeError("its exposition holds no sample")
    if target.sample_limit is not None and samples > target.sample_limit:
        raise ScrapeError(f"it has {samples} samples, more than its sample_limit of {target.sample_limit}")
    return Scraped(stamped, samples)


async def _close(close: Callable[[], object]) -> None:
    with contextlib.suppress(BaseException):  # a plugin that exits while it closes must not end what else is closed
        result = close()
        if isinstance(result, Awaitable):
            await result
