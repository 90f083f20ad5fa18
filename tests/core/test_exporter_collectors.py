"""HTTPExporter with collectors: which endpoint is fetched, and which is collected."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from nodepulse_core import Exporter, Family, HTTPExporter, ScrapeError, Target
from nodepulse_core.exporter import schemes_of


class Fetching:
    """HTTP of a test: every body is the endpoint in a comment."""

    async def get(self, target: Target) -> bytes:
        """Answer."""
        return f"# {target.endpoint}\nup 1\n".encode()


class Counting:
    """A collector that awaits."""

    closed = 0

    async def collect(self, target: Target) -> list[Family]:
        """Collect one gauge."""
        return [Family("app_queue_length", "gauge", "Length.", (({"endpoint": target.endpoint}, 7),))]

    async def close(self) -> None:
        """Count."""
        self.closed += 1


class Blocking:
    """A collector that blocks."""

    def collect(self, target: Target) -> Iterator[Family]:
        """Collect where it runs, and fail half way where it is told to."""
        yield Family("app_thread", "gauge", "Thread.", (({"name": threading.current_thread().name}, 1),))
        if target.endpoint == "block:fail":
            raise ScrapeError("it is gone")


def make(collector: Counting | None = None) -> HTTPExporter:
    """Return an exporter with two collectors, one of them under two schemes."""
    counting = collector or Counting()
    return HTTPExporter(
        "app_exporter",
        default_endpoint="count:",
        fields={"app_queue_length": "app_queue_length"},
        collectors={"count": counting, "counts": counting, "block": Blocking()},
    )


async def scrape(endpoint: str) -> str:
    """Return the text of a scrape."""
    target = Target("t", "app_exporter", endpoint, interval=10.0, timeout=1.0)
    return (await make().scrape(target, Fetching())).decode()


@pytest.mark.parametrize("endpoint", ["http://localhost/metrics", "HTTPS://localhost/metrics"])
async def test_http_is_fetched(endpoint: str) -> None:
    """An http endpoint is fetched, whatever else the exporter collects."""
    assert await scrape(endpoint) == f"# {endpoint}\nup 1\n"


@pytest.mark.parametrize("endpoint", ["count:", "COUNT:x", "counts://host/path"])
async def test_another_scheme_is_collected(endpoint: str) -> None:
    """An endpoint of a collector's scheme is collected, and written as an exposition."""
    assert await scrape(endpoint) == (
        f'# HELP app_queue_length Length.\n# TYPE app_queue_length gauge\napp_queue_length{{endpoint="{endpoint}"}} 7\n'
    )


async def test_a_collector_that_blocks_runs_in_a_thread() -> None:
    """A plain function collects in a thread that is named after its target, to the end of what it yields."""
    assert 'app_thread{name="collect t"} 1' in await scrape("block:")
    with pytest.raises(ScrapeError, match="it is gone"):
        await scrape("block:fail")


async def test_a_collector_is_closed_once() -> None:
    """Closing an exporter closes each collector once, and asks none that keeps nothing open."""
    collector = Counting()
    await make(collector).close()
    assert collector.closed == 1


def test_schemes_are_those_of_http_and_of_the_collectors() -> None:
    """An exporter says what it reads; one that says nothing reads http and https."""

    class Silent:
        name = "silent_exporter"

    assert schemes_of(make()) == ("http", "https", "count", "counts", "block")
    silent: Exporter = Silent()  # type: ignore[assignment]  # only its schemes are asked for
    assert schemes_of(silent) == ("http", "https")
