"""One scrape: every way in which an exporter can misbehave is a reason, in bounded time and memory."""

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from nodepulse_core.collect import Scraper, TargetHTTP
from nodepulse_core.errors import ScrapeError
from nodepulse_core.exporter import HTTPExporter
from nodepulse_core.model import Access, BasicAuth, Target

SLOT = 1_800_000_000
GOOD = b"# TYPE up gauge\nup 1\n"
ENDLESS = 10_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def target(url: str = "http://127.0.0.1:1/", **more: Any) -> Target:
    """Return a target with a small body limit."""
    values = {"interval": 15.0, "timeout": 1.0, "max_body_size": 100_000, **more}
    return Target("t", "prometheus", url, **values)


@pytest.fixture
async def scraper() -> AsyncIterator[Scraper]:
    """Give a scraper with a real HTTP session."""
    http = TargetHTTP("nodepulse-agent/test")
    yield Scraper(http)
    await http.close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Give what serves a handler, and returns its URL."""
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_get("/metrics", handler)
        servers.append(TestServer(app))
        await servers[-1].start_server(shutdown_timeout=0.1)
        return str(servers[-1].make_url("/metrics"))

    yield start
    for server in servers:
        await server.close()


EXPORTER = HTTPExporter("prometheus", default_endpoint="")


def answer(body: bytes, status: int = 200, **headers: str) -> Handler:
    """Return a handler that always answers the same."""

    async def handler(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return handler


async def slow(request: web.Request) -> web.StreamResponse:
    """Begin a body, and never end it."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"up 1\n")
    await asyncio.sleep(60)
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    """Write far more than any limit."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(ENDLESS):
        await response.write(b"up 1\n" * 1000)
    return response


async def hang(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(60)
    return web.Response()


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (hang, "no answer within 300ms"),
        (slow, "no answer within 300ms"),
        (endless, "larger than max_body_size, 97.7KiB"),
        (answer(gzip.compress(b"up 1\n" * 10_000_000), Content_Encoding="gzip"), "larger than max_body_size"),
        (answer(b"no gzip", Content_Encoding="gzip"), "gzip body is broken"),
        (answer(gzip.compress(GOOD)[:-4], Content_Encoding="gzip"), "cut short"),
        (answer(GOOD, Content_Encoding="br"), "encoding 'br'"),
        (answer(b"<html></html>", Content_Type="text/html"), "HTML page"),
        (answer(b"<html></html>"), "line|cut short"),
        (answer(GOOD, 500), "500 Internal Server Error"),
        (answer(GOOD, 302, Location="http://127.0.0.1:1/"), "redirects"),
        (answer(b"up \xff\n"), "not UTF-8"),
        (answer(b"up 1\nhal"), "cut short"),
        (answer(b""), "no sample"),
        (answer(b"# only a comment\n"), "no sample"),
    ],
)
async def test_a_bad_answer_is_a_reason(
    handler: Handler, said: str, scraper: Scraper, serve: Callable[[Handler], Awaitable[str]]
) -> None:
    """Whatever is wrong with an answer, the scrape fails with a reason, and the next one is not hurt by it."""
    url = await serve(handler)
    with pytest.raises(ScrapeError, match=said):
        await scraper.scrape(target(url), EXPORTER, SLOT, 0.3)
    good = await serve(answer(GOOD))
    assert (await scraper.scrape(target(good), EXPORTER, SLOT, 1)).samples == 1


async def test_a_refused_connection_is_a_reason(scraper: Scraper, unused_tcp_port: int) -> None:
    """Where nothing listens, the reason says where nothing listens."""
    with pytest.raises(ScrapeError, match=f"cannot connect to 127.0.0.1:{unused_tcp_port}: connection refused"):
        await scraper.scrape(target(f"http://127.0.0.1:{unused_tcp_port}/"), EXPORTER, SLOT, 1)


async def test_a_good_answer_is_stamped(scraper: Scraper, serve: Callable[[Handler], Awaitable[str]]) -> None:
    """A plain or gzip answer comes back stamped with the slot, with the number of its samples."""
    for body, headers in ((GOOD, {}), (gzip.compress(GOOD), {"Content_Encoding": "gzip"})):
        scraped = await scraper.scrape(target(await serve(answer(body, **headers))), EXPORTER, SLOT, 1)
        assert scraped.body == b"# TYPE up gauge\nup 1 1800000000000\n"
        assert scraped.samples == 1


async def test_too_many_samples_are_refused(scraper: Scraper, serve: Callable[[Handler], Awaitable[str]]) -> None:
    """More samples than sample_limit fail the scrape, with both numbers."""
    url = await serve(answer(b"up 1\n" * 5))
    with pytest.raises(ScrapeError, match="5 samples, more than its sample_limit of 4"):
        await scraper.scrape(target(url, sample_limit=4), EXPORTER, SLOT, 1)


async def test_the_request_carries_what_is_configured(
    scraper: Scraper, serve: Callable[[Handler], Awaitable[str]], tmp_path: Any
) -> None:
    """Accept asks for the text format; headers and credentials are sent; a token is read anew each time."""
    seen: list[dict[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(body=GOOD)

    url = await serve(handler)
    token = tmp_path / "token"
    for text in ("first\n", "second\n"):
        token.write_text(text)
        access = Access(headers={"X-Team": "a"}, bearer_token_file=token)
        await scraper.scrape(target(url, access=access), EXPORTER, SLOT, 1)
    await scraper.scrape(target(url, access=Access(basic_auth=BasicAuth("u", "p"))), EXPORTER, SLOT, 1)
    assert seen[0]["Accept"].startswith("text/plain;version=0.0.4")
    assert seen[0]["X-Team"] == "a"
    assert [each["Authorization"] for each in seen] == ["Bearer first", "Bearer second", "Basic dTpw"]
    token.unlink()
    with pytest.raises(ScrapeError, match="cannot read the token in"):
        await scraper.scrape(target(url, access=access), EXPORTER, SLOT, 1)


class Foreign(HTTPExporter):
    """An exporter whose scrape is given."""

    def __init__(self, scrape: Any) -> None:
        super().__init__("foreign", default_endpoint="")
        self.scrape = scrape  # type: ignore[method-assign]  # on purpose: it is foreign


def raising(error: BaseException) -> Any:
    """Return a coroutine function that raises."""

    async def scrape(_: Target, __: object) -> bytes:
        raise error

    return scrape


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), StopAsyncIteration()]
)
async def test_an_exporter_that_raises_is_a_reason(error: BaseException, scraper: Scraper) -> None:
    """Whatever an exporter raises, an exit included, is its own failure, and the loop lives."""
    with pytest.raises(ScrapeError, match=f"foreign raised {type(error).__name__}"):
        await scraper.scrape(target(), Foreign(raising(error)), SLOT, 1)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), StopIteration()])
async def test_a_blocking_exporter_that_raises_is_a_reason(error: BaseException, scraper: Scraper) -> None:
    """The same holds for one that is a plain function, and runs in a thread."""

    def scrape(_: Target, __: object) -> bytes:
        raise error

    with pytest.raises(ScrapeError, match=f"foreign raised {type(error).__name__}"):
        await scraper.scrape(target(), Foreign(scrape), SLOT, 1)


async def test_a_blocking_exporter_runs_in_a_thread(scraper: Scraper) -> None:
    """A plain function gives its bytes as a coroutine does."""
    names: list[str] = []

    def scrape(_: Target, __: object) -> bytes:
        names.append(threading.current_thread().name)
        return GOOD

    assert (await scraper.scrape(target(), Foreign(scrape), SLOT, 1)).samples == 1
    assert names == ["scrape t"]


async def test_an_exporter_that_does_not_return_is_called_once(scraper: Scraper) -> None:
    """A thread that hangs fails its scrape in time, and is not joined by another until it has returned."""
    release, calls = threading.Event(), []

    def scrape(_: Target, __: object) -> bytes:
        calls.append(1)
        release.wait(10)
        return GOOD

    exporter = Foreign(scrape)
    with pytest.raises(ScrapeError, match="no answer within 50ms"):
        await scraper.scrape(target(), exporter, SLOT, 0.05)
    for _ in range(3):
        with pytest.raises(ScrapeError, match="has not returned from an earlier scrape"):
            await scraper.scrape(target(), exporter, SLOT, 0.05)
    assert len(calls) == 1
    release.set()
    for _ in range(500):
        await asyncio.sleep(0.01)
        if not isinstance(
            (await asyncio.gather(scraper.scrape(target(), exporter, SLOT, 1), return_exceptions=True))[0], ScrapeError
        ):
            break
    assert len(calls) == 2


async def test_an_exporter_is_closed_once_asked() -> None:
    """`close` is called, be it a coroutine or a plain function; an exporter without one has nothing to close."""
    closed = []

    class Keeping(Foreign):
        async def close(self) -> None:
            closed.append("coroutine")

    class Plain(Foreign):
        def close(self) -> None:
            closed.append("plain")

    scraper = Scraper(None)  # type: ignore[arg-type]  # nothing is fetched
    for exporter in (Keeping(None), Plain(None), Foreign(None)):  # type: ignore[arg-type]  # nothing is scraped
        await scraper.close(exporter)
    assert closed == ["coroutine", "plain"]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_an_exporter_that_raises_at_its_end_ends_nothing_else(error: BaseException) -> None:
    """Whatever an exporter's `close` raises, the agent goes on ending."""

    class Raising(Foreign):
        async def close(self) -> None:
            raise error

    await Scraper(None).close(Raising(None))  # type: ignore[arg-type]  # nothing is fetched or scraped


async def test_an_exporter_that_hangs_at_its_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter's `close` that does not return holds up the end for a bounded time."""
    monkeypatch.setattr("nodepulse_core.collect.scrape._CLOSING", 0.02)

    class Hanging(Foreign):
        async def close(self) -> None:
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        await Scraper(None).close(Hanging(None))  # type: ignore[arg-type]  # nothing is fetched or scraped


async def test_a_coroutine_that_refuses_to_end_is_not_called_again(scraper: Scraper) -> None:
    """An exporter that swallows its cancellation fails in time; until it ends, its slots fail at once."""
    release = asyncio.Event()

    async def scrape(_: Target, __: object) -> bytes:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return GOOD

    exporter = Foreign(scrape)
    try:
        with pytest.raises(ScrapeError, match="no answer within 50ms"):
            await scraper.scrape(target(), exporter, SLOT, 0.05)
        with pytest.raises(ScrapeError, match="has not returned from an earlier scrape"):
            await scraper.scrape(target(), exporter, SLOT, 0.05)
    finally:
        release.set()
    await asyncio.sleep(0.05)
    assert (await scraper.scrape(target(), exporter, SLOT, 1)).samples == 1


@pytest.mark.parametrize("returned", [None, "text", 5, {"a": 1}, bytearray(GOOD)])
async def test_an_exporter_that_returns_no_bytes_is_a_reason(returned: object, scraper: Scraper) -> None:
    """What is not bytes is named by its type."""

    async def scrape(_: Target, __: object) -> object:
        return returned

    with pytest.raises(ScrapeError, match=f"returned {type(returned).__name__}"):
        await scraper.scrape(target(), Foreign(scrape), SLOT, 1)


async def test_a_bomb_costs_no_memory(scraper: Scraper, serve: Callable[[Handler], Awaitable[str]]) -> None:
    """A gzip body that unpacks to 200 MB is refused after a piece of it."""
    import resource  # noqa: PLC0415 - for this only

    bomb = gzip.compress(b"up 1\n" * 40_000_000)
    url = await serve(answer(bomb, Content_Encoding="gzip"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ScrapeError, match="larger than max_body_size"):
        await scraper.scrape(target(url), EXPORTER, SLOT, 5)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 50_000_000
