"""The JSON behind the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from nodepulse_dashboard.api import MAX_TEXT, is_silent
from nodepulse_dashboard.delivery import Row
from nodepulse_dashboard.store import Source
from support.reference import SLOT, Dashboard


def at(second: int, **fields: Any) -> dict[str, Any]:
    """Return a snapshot of so many seconds after SLOT."""
    return {"timestamp": datetime.fromtimestamp(SLOT + second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), **fields}


async def test_servers_come_with_their_sources(dashboard: Dashboard) -> None:
    """Each server tells its snapshots, its newest slot and arrival, and the same of each of its sources."""
    await dashboard.post({"node_exporter": [at(-15, x=1), at(0, x=2)], "redis_exporter": [at(-30, instance="cache")]})
    status, answer = await dashboard.get("/api/servers")
    assert (status, answer["now"], answer["forgotten"]) == (200, "2025-10-30T14:00:00Z", 0)
    (server,) = answer["servers"]
    assert (server["server_id"], server["snapshots"], server["silent"]) == ("web-1", 3, False)
    assert [(source["key"], source["instance"], source["interval"]) for source in server["sources"]] == [
        ("node_exporter", "node_exporter", 15),
        ("redis_exporter", "cache", None),
    ]


async def test_an_empty_dashboard_has_no_servers(dashboard: Dashboard) -> None:
    """Before the first snapshot the list is empty, which is no error."""
    assert (await dashboard.get("/api/servers"))[1]["servers"] == []


async def test_a_server_is_silent_once_all_of_it_is(dashboard: Dashboard) -> None:
    """A server is silent when each of its sources is; one that goes on keeps it from being called so."""
    await dashboard.post({"a": [at(-15), at(0)], "b": [at(-15), at(0)]})
    dashboard.clock.time = SLOT + 100
    await dashboard.post({"b": [at(100)]})
    (server,) = (await dashboard.get("/api/servers"))[1]["servers"]
    assert [source["silent"] for source in server["sources"]] == [True, False]
    assert not server["silent"]
    dashboard.clock.time = SLOT + 1000
    (server,) = (await dashboard.get("/api/servers"))[1]["servers"]
    assert server["silent"]


@pytest.mark.parametrize(
    ("interval", "after", "silent"),
    [(15, 65, False), (15, 66, True), (300, 900, False), (300, 930, True), (None, 200, False), (None, 201, True)],
)
def test_silence_is_measured_in_intervals(interval: int | None, after: int, silent: bool) -> None:
    """A source is silent after three of its intervals, and 20 s for the delivery; with one snapshot, after 200 s."""
    source = Source("w", "a", "a", 2, SLOT, SLOT, interval)
    assert is_silent(source, SLOT + after) is silent


async def test_latest_is_the_newest_slot(dashboard: Dashboard) -> None:
    """The newest snapshot of each source comes with the units of its fields, however late an older one arrives."""
    await dashboard.post({"a": [at(0, memory_bytes=2, load=1)]})
    await dashboard.post({"a": [at(-15, memory_bytes=1)]})
    (snapshot,) = (await dashboard.get("/api/servers/web-1/latest"))[1]["snapshots"]
    assert snapshot["objects"] == [at(0, memory_bytes=2, load=1)]
    assert snapshot["units"] == {"memory_bytes": "bytes"}


async def test_a_long_text_is_shortened(dashboard: Dashboard) -> None:
    """Of a raw text above 64 KiB the beginning comes, and its whole length is told."""
    text = "é" * (MAX_TEXT // 2 + 1) + "x" * (MAX_TEXT // 2)
    body = f'{{"timestamp":"2025-10-30T14:00:00Z","raw_text":"{text}"}}'
    dashboard.put(Row("web-1", "app", "app", SLOT, body))
    (snapshot,) = (await dashboard.get("/api/servers/web-1/latest"))[1]["snapshots"]
    assert snapshot["objects"][0]["raw_text"] == text[:MAX_TEXT]
    assert snapshot["shortened"] == {"raw_text": MAX_TEXT + 1}


async def test_sources_above_the_most_are_counted(dashboard: Dashboard) -> None:
    """Of a server with more sources than are shown, the rest is counted."""
    await dashboard.post({f"app_{number:03}": [at(0)] for number in range(203)})
    _, answer = await dashboard.get("/api/servers/web-1/latest")
    assert (len(answer["snapshots"]), answer["left_off"]) == (200, 3)


async def test_series_are_columns_with_rates(dashboard: Dashboard) -> None:
    """Columns of one length: times, values, and for a counter the changes per second."""
    counts = [100, 160, 10, 70]
    await dashboard.post({"a": [at(15 * place, x_total=count) for place, count in enumerate(counts)]})
    status, answer = await dashboard.get("/api/servers/web-1/series?key=a&since=2025-10-30T13:59:00Z")
    assert status == 200
    assert [stamp - SLOT for stamp in answer["timestamps"]] == [0, 15, 30, 45]
    (series,) = answer["series"]
    assert (series["values"], series["rates"]) == (counts, [None, 4, None, 4])


async def test_since_is_a_time_or_so_long_ago(dashboard: Dashboard) -> None:
    """Only what is not older than `since` comes; without it, the last hour."""
    await dashboard.post({"a": [at(-7200, x=1), at(-1800, x=2), at(-60, x=3)]})
    for since, values in (("", [2, 3]), ("&since=5m", [3]), ("&since=2025-10-30T12:00:00Z", [1, 2, 3])):
        _, answer = await dashboard.get(f"/api/servers/web-1/series?key=a{since}")
        assert [value for value in answer["series"][0]["values"] if value is not None] == values, since


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/servers/nobody/latest", 404, "nobody"),
        ("/api/servers/web-1/series?key=b", 404, "there are a/a"),
        ("/api/servers/web-1/series?key=a&instance=b", 404, "instance 'b'"),
        ("/api/servers/web-1/series?key=a&field=y", 404, "there are x"),
        ("/api/servers/web-1/series", 400, "key: is missing"),
        ("/api/servers/web-1/series?key=a&since=yesterday", 400, "since: 'yesterday'"),
        ("/api/servers/web-1/series?key=a&since=2025-02-30T14:00:00Z", 400, "since:"),
        ("/api/servers/web-1/series?key=a&untill=5", 400, "there are field, instance, key, since"),
        ("/api/servers/x'%20OR%201=1--/latest", 404, "no snapshot of the server"),
        ("/api/servers/web-1/series?key=a'%20OR%201=1--", 404, "there are a/a"),
    ],
)
async def test_a_wrong_question_is_told_what_there_is(path: str, status: int, said: str, dashboard: Dashboard) -> None:
    """What is unknown is answered 404, what is written wrongly 400, each with what would be right."""
    await dashboard.post({"a": [at(0, x=1)]})
    answered, answer = await dashboard.get(path)
    assert answered == status
    assert said in answer["error"]


async def test_a_field_out_of_range_is_no_error(dashboard: Dashboard) -> None:
    """A field that the newest snapshot has, but none in the range, is an empty answer."""
    await dashboard.post({"a": [at(-7200, x=1)]})
    status, answer = await dashboard.get("/api/servers/web-1/series?key=a&field=x&since=5m")
    assert (status, answer["series"]) == (200, [])
