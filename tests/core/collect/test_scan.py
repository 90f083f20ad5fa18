"""One look at this machine: what answers, whose it is, and what it is called."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import pytest
from aiohttp import web
from nodepulse_core.collect import Found, Scanner, Scraper, TargetHTTP
from nodepulse_core.errors import PluginError
from nodepulse_core.exporter import Exporter, HTTPExporter
from support.programs import free_port

Serve = Callable[..., Awaitable[int]]
SCAN_LIMIT = 20.0


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Give what serves a text at /metrics of a free port, on one or more hosts."""
    runners: list[web.AppRunner] = []

    async def start(text: str, *, hosts: Iterable[str] = ("127.0.0.1",), path: str = "/metrics", **more: Any) -> int:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(text=text, **more)

        app = web.Application()
        app.router.add_get(path, answer)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        port = free_port()
        for host in hosts:
            await web.TCPSite(runner, host, port).start()
        return port

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def scraper() -> AsyncIterator[Scraper]:
    """Give a scraper with a real HTTP session."""
    http = TargetHTTP("nodepulse-agent/test")
    yield Scraper(http)
    await http.close()


def exporter(name: str, metric: str, port: int = 1, **more: Any) -> HTTPExporter:
    """Return an exporter that knows its text by one metric."""
    return HTTPExporter(name, default_endpoint=f"http://localhost:{port}/metrics", fields={metric: metric}, **more)


def scanner(scraper: Scraper, *exporters: HTTPExporter, **more: Any) -> Scanner:
    """Return a scanner that knows these exporters."""
    known: dict[str, Exporter] = {each.name: each for each in exporters}
    return Scanner(scraper, lambda: list(known), known.__getitem__, **more)


async def test_an_exporter_at_its_own_port_has_its_own_name(scraper: Scraper, serve: Serve) -> None:
    """The port of the default endpoint is looked at without being told."""
    port = await serve("redis_up 1\n")
    (found,) = await scanner(scraper, exporter("redis_exporter", "redis_up", port)).scan()
    assert found == Found(port, f"http://127.0.0.1:{port}/metrics", "redis_exporter", own=True)
    assert found.name == "redis_exporter"


async def test_the_same_elsewhere_is_named_by_its_port(scraper: Scraper, serve: Serve) -> None:
    """Two of one type have distinct names, which do not depend on each other."""
    one, other = await serve("redis_up 1\n"), await serve("redis_up 1\n")
    look = scanner(scraper, exporter("redis_exporter", "redis_up", one))
    assert {each.name for each in await look.scan([one, other])} == {"redis_exporter", f"redis_exporter_{other}"}
    assert [each.name for each in await look.scan([other])] == [f"redis_exporter_{other}"]


async def test_text_that_nobody_knows_is_generic(scraper: Scraper, serve: Serve) -> None:
    """It is named by its port."""
    port = await serve("orders_total 1\n")
    (found,) = await scanner(scraper, exporter("redis_exporter", "redis_up")).scan([port])
    assert (found.name, found.type) == (f"port_{port}", "prometheus")


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("<html><body>hello</body></html>", {"content_type": "text/html"}),
        ("hello\n", {}),
        ("", {}),
        ("up 1\n", {"status": 500}),
        ("up 1\n", {"status": 302, "headers": {"Location": "/elsewhere"}}),
        ('{"up": 1}\n', {"content_type": "application/json"}),
    ],
    ids=["page", "words", "nothing", "error", "redirect", "json"],
)
async def test_what_is_no_exposition_is_nothing(
    scraper: Scraper, serve: Serve, text: str, more: dict[str, Any]
) -> None:
    """A page, an error, a redirect or another format is not found."""
    port = await serve(text, **more)
    assert await scanner(scraper).scan([port]) == ()


async def test_a_listener_on_both_addresses_is_one(scraper: Scraper, serve: Serve) -> None:
    """127.0.0.1 and ::1 of one port are one target, at 127.0.0.1; one on ::1 alone is found there."""
    both, six = await serve("up 1\n", hosts=("127.0.0.1", "::1")), await serve("up 1\n", hosts=("::1",))
    found = await scanner(scraper).scan([both, six])
    assert {each.endpoint for each in found} == {f"http://127.0.0.1:{both}/metrics", f"http://[::1]:{six}/metrics"}


async def test_ports_that_are_left_are_not_touched(scraper: Scraper, serve: Serve) -> None:
    """A port that belongs to another is not connected to."""
    port = await serve("up 1\n")
    assert await scanner(scraper).scan([port], leave=[port]) == ()


async def test_another_path_is_asked_where_an_exporter_has_one(scraper: Scraper, serve: Serve) -> None:
    """The path of the default endpoint is tried at its port, before the usual one."""
    port = await serve("app_up 1\n", path="/prom")
    known = HTTPExporter("app_exporter", default_endpoint=f"http://localhost:{port}/prom", fields={"app_up": "app_up"})
    (found,) = await scanner(scraper, known).scan()
    assert found.endpoint == f"http://127.0.0.1:{port}/prom"


async def test_a_service_that_says_nothing_is_given_up(scraper: Scraper) -> None:
    """A listener that accepts and is silent does not hold up the scan."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with asyncio.timeout(SCAN_LIMIT):
            assert await scanner(scraper).scan([silent.getsockname()[1]]) == ()


async def test_of_two_claims_the_port_decides(scraper: Scraper, serve: Serve) -> None:
    """Where two exporters take a text for theirs, it is that one's whose port it is; elsewhere it is generic."""
    port, other = await serve("up 1\n"), await serve("up 1\n")
    look = scanner(scraper, exporter("one_exporter", "up", port), exporter("two_exporter", "up", 2))
    found = {each.port: each.type for each in await look.scan([port, other])}
    assert found == {port: "one_exporter", other: "prometheus"}


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(1), KeyboardInterrupt()])
async def test_an_exporter_that_fails_to_detect_is_said_once(
    scraper: Scraper,
    serve: Serve,
    error: BaseException,
    said: pytest.LogCaptureFixture,
) -> None:
    """It is named with what it raised, and not asked again; the others are."""

    def detect(_: str) -> bool:
        raise error

    port = await serve("redis_up 1\n")
    bad = HTTPExporter("bad_exporter", default_endpoint="http://localhost:1/", detect=detect)
    look = scanner(scraper, bad, exporter("redis_exporter", "redis_up", port))
    for _ in range(2):
        assert [each.type for each in await look.scan([port])] == ["redis_exporter"]
    assert said.text.count(f"bad_exporter raised {type(error).__name__}") == 1


async def test_an_exporter_that_hangs_in_detect_is_left_behind(scraper: Scraper, serve: Serve) -> None:
    """It is called once, and what else answers is found all the same."""
    gate, calls = threading.Event(), []

    def detect(_: str) -> bool:
        calls.append(1)
        return gate.wait(SCAN_LIMIT)

    port = await serve("redis_up 1\n")
    hanging = HTTPExporter("bad_exporter", default_endpoint="http://localhost:1/", detect=detect)
    look = scanner(scraper, hanging, exporter("redis_exporter", "redis_up", port), detect_seconds=0.05)
    for _ in range(2):
        assert [each.type for each in await look.scan([port])] == ["redis_exporter"]
    assert calls == [1]
    gate.set()


async def test_a_broken_plugin_is_said_once_and_left_out(
    scraper: Scraper, serve: Serve, said: pytest.LogCaptureFixture
) -> None:
    """A plugin that cannot be loaded does not end the scan."""

    def load(_: str) -> Exporter:
        raise PluginError("bad_exporter of bad 1.0 is broken: boom")

    port = await serve("up 1\n")
    look = Scanner(scraper, lambda: ["bad_exporter"], load)
    for _ in range(2):
        assert [each.type for each in await look.scan([port])] == ["prometheus"]
    assert said.text.count("bad_exporter of bad 1.0 is broken") == 1
