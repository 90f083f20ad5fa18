"""The server of metrics: each way to misbehave is what the agent calls it."""

from __future__ import annotations

import asyncio
import urllib.request

import pytest
from nodepulse_core import HTTPExporter, ScrapeError, Target
from nodepulse_core.collect import Scraper, TargetHTTP
from nodepulse_core.testing.metrics_server import BEHAVIOURS, Behaviour, metrics_server

REASONS: dict[Behaviour, str] = {
    "refuse": "cannot connect to 127.0.0.1:",
    "hang": "no answer within 300ms",
    "slow": "no answer within 300ms",
    "endless": "larger than max_body_size",
    "bomb": "larger than max_body_size",
    "html": "an HTML page",
    "error": "it answers 500",
    "redirect": "it redirects (302)",
    "half_line": "the last line is cut short",
    "not_utf8": "line 1 is not UTF-8",
}


async def scrape(endpoint: str) -> bytes:
    """Return what the agent's scrape of an endpoint gives."""
    http = TargetHTTP("test")
    target = Target("app", "prometheus", endpoint, interval=15.0, timeout=3.0, max_body_size=1_000_000)
    exporter = HTTPExporter("prometheus", default_endpoint=endpoint)
    try:
        return (await Scraper(http).scrape(target, exporter, 1_800_000_000, 0.3)).body
    finally:
        await http.close()


@pytest.mark.parametrize("behaviour", REASONS)
async def test_it_misbehaves_as_told_and_is_well_again(behaviour: Behaviour) -> None:
    """Each behaviour ends a scrape with its reason; afterwards the server answers at the same place."""
    with metrics_server("up 1\nrequests_total 12\n") as server:
        server.behave(behaviour)
        with pytest.raises(ScrapeError) as caught:
            await scrape(server.endpoint)
        assert REASONS[behaviour] in str(caught.value)
        server.behave("well")
        for _ in range(100):  # the machine may be busy
            with_time = asyncio.create_task(scrape(server.endpoint))
            try:
                body = await with_time
                break
            except ScrapeError:
                continue
        assert body == b"up 1 1800000000000\nrequests_total 12 1800000000000\n"


def test_every_behaviour_is_tried() -> None:
    """The table above has each of them."""
    assert {*REASONS, "well"} == set(BEHAVIOURS)


def test_it_keeps_what_it_was_asked() -> None:
    """Paths and headers of the requests are there to look at."""
    with metrics_server() as server:
        asked = urllib.request.Request(server.endpoint + "?collect[]=cpu", headers={"X-Key": "abc"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert answer.read() == b"up 1\n"
    (request,) = server.asked
    assert request.path == "/metrics?collect[]=cpu"
    assert request.headers["X-Key"] == "abc"


def test_an_unknown_behaviour_lists_those_there_are() -> None:
    """A misspelt behaviour is an error, and does not behave well in secret."""
    with metrics_server() as server, pytest.raises(ValueError, match="'hangs' is no behaviour; there are well, refuse"):
        server.behave("hangs")  # type: ignore[arg-type]  # that is the mistake
