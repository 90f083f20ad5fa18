"""POSTs over a real socket: what is taken, what is refused with which status, and how much a sender may take."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from nodepulse_dashboard.delivery import Row
from nodepulse_dashboard.store import Added
from support.reference import IN, SNAPSHOT, Dashboard, dashboard_at


async def test_a_snapshot_is_stored_once(dashboard: Dashboard) -> None:
    """A body is stored when it is answered; the same again changes nothing and is as welcome."""
    assert await dashboard.post({"node_exporter": [SNAPSHOT]}) == (200, {"stored": 1, "known": 0})
    assert dashboard.count() == 1
    assert await dashboard.post({"node_exporter": [SNAPSHOT]}) == (200, {"stored": 0, "known": 1})
    assert dashboard.count() == 1


async def test_a_body_that_is_wrong_is_refused_whole(dashboard: Dashboard) -> None:
    """One object that is wrong has the body answered 400 with its place, and nothing of the body is stored."""
    status, answer = await dashboard.post({"a": [SNAPSHOT, {"timestamp": "yesterday"}]})
    assert (status, "a[1].timestamp" in answer["error"]) == (400, True)
    assert dashboard.count() == 0


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/metrics/prometheus", {}, 400),
        ("/metrics/prometheus?server_id=-x", {}, 400),
        ("/metrics/prometheus?server_id=%3Cscript%3E", {}, 400),
        ("/metrics/prometheus?server_id=a&server_id=b", {}, 400),
        (IN, {"Content_Type": "text/plain"}, 415),
        (IN, {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        (IN, {"Content_Type": "application/json; charset=latin-1"}, 415),
        (IN, {"Content_Encoding": "compress"}, 415),
        (IN, {"Content_Encoding": "gzip"}, 400),
        (IN, {"Origin": "http://evil.example"}, 403),
        (IN, {"Origin": "null"}, 403),
        (IN, {"Sec_Fetch_Site": "cross-site"}, 403),
        (IN, {"Sec_Fetch_Site": "same-site"}, 403),
    ],
)
async def test_a_request_that_is_wrong_gets_its_status(
    path: str, headers: dict[str, str], status: int, dashboard: Dashboard
) -> None:
    """Wrong ids, types, codings and origins are each answered with their status and a reason; nothing is stored."""
    answered, answer = await dashboard.post({"a": [SNAPSHOT]}, path, **headers)
    assert answered == status
    assert answer["error"]
    assert dashboard.count() == 0


async def test_its_own_page_may_post(dashboard: Dashboard) -> None:
    """An Origin that is the dashboard's own is not another site's."""
    own = {"Origin": f"http://127.0.0.1:{dashboard.port}", "Sec_Fetch_Site": "same-origin"}
    status, _ = await dashboard.post({"a": [SNAPSHOT]}, **own)
    assert status == 200


async def test_a_body_over_the_limit_is_refused(dashboard: Dashboard) -> None:
    """A body above the limit, also one that only unpacks to it, is answered 413 with the limit."""
    big = {"a": [{"timestamp": "2025-10-30T14:00:00Z", "raw_text": "x" * 65536}]}
    status, answer = await dashboard.post(big)
    assert (status, "64KiB" in answer["error"]) == (413, True)
    bomb = gzip.compress(b'{"a": "' + b"0" * 50_000_000)
    assert len(bomb) < 65536
    status, answer = await dashboard.post(bomb, Content_Encoding="gzip")
    assert (status, "64KiB" in answer["error"]) == (413, True)
    assert dashboard.count() == 0


async def test_gzip_is_taken(dashboard: Dashboard) -> None:
    """A gzip body is stored as a plain one is."""
    body = gzip.compress(json.dumps({"a": [SNAPSHOT]}).encode())
    assert await dashboard.post(body, Content_Encoding="gzip") == (200, {"stored": 1, "known": 0})


@pytest.mark.parametrize("head", ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
async def test_a_slow_body_is_given_up(head: str, dashboard: Dashboard) -> None:
    """A body that does not arrive in its time is answered 408, and nothing of it is stored."""
    reader, writer = await asyncio.open_connection("127.0.0.1", dashboard.port)
    writer.write(f"POST {IN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}".encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    writer.close()
    assert b" 408 " in answer.splitlines()[0]
    assert b"Connection: close" in answer
    assert dashboard.count() == 0


async def test_a_slow_disk_is_waited_for(tmp_path: Path) -> None:
    """The limit of time is for the body: once that is here, the disk takes as long as it takes."""
    async with dashboard_at(tmp_path / "slow.sqlite", body_seconds=0.2) as dashboard:
        add = dashboard.store.add

        def add_slowly(rows: Iterable[Row], received: int) -> Added:
            time.sleep(0.5)
            return add(rows, received)

        dashboard.store.add = add_slowly  # type: ignore[method-assign]
        assert await dashboard.post({"a": [SNAPSHOT]}) == (200, {"stored": 1, "known": 0})


async def test_two_agents_at_once_lose_nothing(dashboard: Dashboard) -> None:
    """Two agents that send at the same time, some of it twice, have each snapshot stored once."""
    posts = [
        dashboard.post(
            {"a": [{"timestamp": f"2025-10-30T14:00:{second:02d}Z", "x": second}]},
            f"/metrics/prometheus?server_id=web-{agent}",
        )
        for second in range(30)
        for agent in (1, 2, 1)
    ]
    answers = await asyncio.gather(*posts)
    assert {status for status, _ in answers} == {200}
    assert sum(answer["stored"] for _, answer in answers) == 60
    assert dashboard.count() == 60


async def test_a_full_database_asks_for_patience(tmp_path: Path) -> None:
    """Where the database may not grow, a delivery is answered 503 with Retry-After, and nothing of it is stored."""
    async with dashboard_at(tmp_path / "full.sqlite", max_size=128 * 1024) as dashboard:
        big = {"a": [{"timestamp": "2025-10-30T14:00:00Z", "raw_text": "x" * 200_000}]}
        async with dashboard.client.post(IN, json=big) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
            assert "full" in (await response.json())["error"]
        assert dashboard.count() == 0
        assert await dashboard.post({"a": [SNAPSHOT]}) == (200, {"stored": 1, "known": 0})


async def test_a_database_that_is_held_asks_for_patience(dashboard: Dashboard) -> None:
    """While another process holds the database, a delivery is answered 503; afterwards it is taken."""
    dashboard.store._writer.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(dashboard.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    status, answer = await dashboard.post({"a": [SNAPSHOT]})
    assert (status, "locked" in answer["error"]) == (503, True)
    other.close()
    status, _ = await dashboard.post({"a": [SNAPSHOT]})
    assert status == 200
