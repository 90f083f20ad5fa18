"""The stream of a live page: what differs and nothing else, within bounds, and never in the agent's way."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import socket
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from attrs import evolve
from nodepulse_core.http import Address, listening
from nodepulse_core.http.events import MOST
from nodepulse_core.testing.clock import FakeClock
from support.pages import Stage, all_well, make_recent, one_failing, sixty_targets

PATIENCE = 20
REQUEST = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[TestClient[Any, Any]]:
    """Give a client of an application."""
    async with TestClient(TestServer(app)) as client:
        yield client


async def hear(stream: ClientResponse, wanted: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
    """Return the next event that is as wanted."""
    async with asyncio.timeout(PATIENCE):
        async for line in stream.content:
            if line.startswith(b"data: ") and wanted(event := json.loads(line[6:])):
                return dict(event)
    pytest.fail("the stream ended")


async def test_the_first_event_has_it_all_and_the_next_what_differs() -> None:
    """First every part and the order of the rows; then only the row, the figures and the words that changed."""
    stage = Stage(all_well())
    async with serving(stage.app(FakeClock())) as client, client.get("/events") as stream:
        assert (stream.status, stream.content_type) == (200, "text/event-stream")
        first = await hear(stream)
        assert first["version"] == "0.1.0"
        assert first["rows"] == [f"target-{target.name}" for target in stage.report.targets]
        assert {"headline", "reasons", "figures", "filter", "empty", "backlog"} < first["parts"].keys()
        stage.report = one_failing()
        then = await hear(stream, lambda event: bool(event["parts"]))
        assert then["parts"].keys() == {"headline", "reasons", "figures", "filter", "target-redis_exporter"}
        assert then["rows"] is None


async def test_rows_that_come_and_go_are_told_in_their_order() -> None:
    """A target that is added or removed changes the order, down to none at all."""
    stage = Stage(all_well())
    targets = stage.report.targets
    async with serving(stage.app(FakeClock())) as client, client.get("/events") as stream:
        await hear(stream)
        for kept in (targets[1:], targets[:1], ()):
            stage.report = evolve(stage.report, targets=kept)
            event = await hear(stream, lambda event: event["rows"] is not None)
            assert event["rows"] == [f"target-{target.name}" for target in kept]


async def test_the_first_event_to_an_empty_agent_says_that_there_are_no_rows() -> None:
    """A page that was open over a restart of the agent drops the rows of before."""
    async with (
        serving(Stage(evolve(all_well(), targets=())).app(FakeClock())) as client,
        client.get("/events") as stream,
    ):
        assert (await hear(stream))["rows"] == []


async def test_a_filtered_page_hears_of_failed_targets_alone() -> None:
    """A target that fails appears, and goes when it works again."""
    stage = Stage(all_well())
    async with serving(stage.app(FakeClock())) as client, client.get("/events?show=unhealthy") as stream:
        assert (await hear(stream))["rows"] == []
        stage.report = one_failing()
        event = await hear(stream, lambda event: event["rows"] is not None)
        assert event["rows"] == ["target-redis_exporter"]
        stage.report = all_well()
        assert (await hear(stream, lambda event: event["rows"] is not None))["rows"] == []


async def test_silence_means_that_it_is_gone() -> None:
    """Where nothing changes, the time is told every five seconds, and nothing besides."""
    clock = FakeClock()
    stage = Stage(all_well())
    made = stage.app(clock, report=lambda: evolve(stage.report, at=clock.now()))
    async with serving(made) as client, client.get("/events") as stream:
        first = await hear(stream)
        beats = [await hear(stream) for _ in range(3)]
        assert [beat["at"] - first["at"] for beat in beats] == [5, 10, 15]
        assert [(beat["parts"], beat["rows"]) for beat in beats] == [({}, None)] * 3


async def test_one_page_too_many_is_refused() -> None:
    """So many are live at once, the next one gets 503 with the reason; when one goes, there is room again."""
    async with serving(Stage().app()) as client:
        streams = [await client.get("/events") for _ in range(MOST)]
        async with client.get("/events") as refused:
            assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
            assert "8 pages are live already" in (await refused.json())["error"]
        streams.pop().close()
        async with asyncio.timeout(PATIENCE):
            while True:
                async with client.get("/events") as again:
                    if again.status == 200:
                        break
                await asyncio.sleep(0.05)
        for stream in streams:
            stream.close()


async def test_all_pages_share_a_report() -> None:
    """Within half a second one report does for all pages."""
    stage, clock = Stage(), FakeClock()
    held = asyncio.Event()

    async def wait(event: asyncio.Event, seconds: float | None) -> None:
        del seconds
        await held.wait()
        await event.wait()

    clock.wait = wait  # type: ignore[method-assign] # time stands still
    async with serving(stage.app(clock)) as client:
        streams = [await client.get("/events") for _ in range(4)]
        for stream in streams:
            await hear(stream)
        assert stage.reports == 1
        held.set()
        for stream in streams:
            stream.close()


async def test_while_no_page_is_open_nothing_is_made() -> None:
    """After the last page has gone no report is made any more, however the time goes by, and none is kept."""
    stage, clock = Stage(), FakeClock()
    async with serving(stage.app(clock)) as client:
        async with client.get("/events") as stream:
            await hear(stream)
        async with asyncio.timeout(PATIENCE):
            made = -1
            while made != stage.reports:
                made = stage.reports
                await asyncio.sleep(0.2)
        at = clock.time
        await asyncio.sleep(0.2)
        assert (stage.reports, clock.time) == (made, at)
        kept = weakref.ref(stage.report)
        stage.report = all_well()
        gc.collect()
        assert kept() is None


async def test_the_end_of_the_agent_waits_for_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open streams end in order at once, long before those that hang would be cut off."""
    monkeypatch.setattr("nodepulse_core.http.listen._SHUTDOWN", 3600.0)
    async with asyncio.timeout(PATIENCE):
        async with listening(Stage().app(), Address("127.0.0.1", 0)) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(REQUEST)
            await reader.readuntil(b"data: {")
        rest = await reader.read()
        writer.close()
    assert rest.endswith(b"\r\n0\r\n\r\n")


async def test_a_page_that_does_not_read_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    """One that takes nothing for its time is hung up on, and that is said; its place is free then."""
    monkeypatch.setattr("nodepulse_core.http.events._PATIENCE", 0.2)
    monkeypatch.setattr("nodepulse_core.http.events.MOST", 1)
    reports = itertools.cycle(
        evolve(
            sixty_targets(), targets=tuple(evolve(each, recent=make_recent(back)) for each in sixty_targets().targets)
        )
        for back in range(2)
    )
    app = Stage().app(FakeClock(), report=lambda: next(reports))

    async def metrics(url: str) -> str:
        async with ClientSession() as session, session.get(f"{url}/metrics") as answer:
            return await answer.text()

    async with listening(app, Address("127.0.0.1", 0)) as address:
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.connect((address.host, address.port))
            greedy.sendall(REQUEST)
            async with asyncio.timeout(PATIENCE):
                while "no longer live; dropped: 1" not in said.text:  # noqa: ASYNC110 - the log sets no event
                    await asyncio.sleep(0.05)
            assert "\nnodepulse_pages_open 0\n" in await metrics(f"http://{address}")
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(REQUEST)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            said_in_metrics = await metrics(f"http://{address}")
            assert "\nnodepulse_pages_open 1\n" in said_in_metrics
            assert "\nnodepulse_pages_dropped_total 1\n" in said_in_metrics
            writer.close()
