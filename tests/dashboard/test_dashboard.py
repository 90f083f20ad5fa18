"""The reference receiver over a real socket: what it takes, what it refuses, and what it tells."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nodepulse_dashboard.app import create_app
from nodepulse_dashboard.delivery import read_delivery
from nodepulse_dashboard.series import per_second
from nodepulse_dashboard.store import Store

IN = "/metrics/prometheus?server_id=web-1"
MAX_BODY = 64 * 1024
SNAPSHOT = {"timestamp": "2025-10-30T14:00:00Z", "cpu_cores": 4, "memory_total_bytes": 8589934592, "load_1min": None}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Give the path of a database that is not there yet."""
    return tmp_path / "state" / "dashboard.sqlite"


@pytest.fixture
async def client(database: Path) -> AsyncIterator[TestClient[Any, Any]]:
    """Give a client of a dashboard that listens."""
    store = Store(database)
    async with TestClient(TestServer(create_app(store, max_body=MAX_BODY, body_seconds=1.0))) as made:
        yield made
    store.close()


def rows(database: Path) -> list[tuple[Any, ...]]:
    """Return what another connection sees in the database."""
    connection = sqlite3.connect(database)
    try:
        return connection.execute("SELECT count(*) FROM snapshots").fetchall()
    finally:
        connection.close()


async def post(client: TestClient[Any, Any], body: object, path: str = IN, **headers: str) -> tuple[int, Any]:
    """POST a body, and return the status and the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    wanted = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    async with client.post(path, data=data, headers=wanted) as response:
        return response.status, await response.json()


async def test_a_snapshot_is_stored_once(client: TestClient[Any, Any], database: Path) -> None:
    """A body is stored and durable when it is answered; the same again changes nothing and is as welcome."""
    assert await post(client, {"node_exporter": [SNAPSHOT]}) == (200, {"stored": 1, "known": 0})
    assert rows(database) == [(1,)]
    assert await post(client, {"node_exporter": [SNAPSHOT]}) == (200, {"stored": 0, "known": 1})
    assert rows(database) == [(1,)]
    assert os.stat(database).st_mode & 0o777 == 0o600  # noqa: PTH116 - pathlib is no less blocking here


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "JSON"),
        (b"[]", "object"),
        (b'{"a": [', "JSON"),
        (b'{"a": [{"timestamp": "2025-10-30T14:00:00Z", "x": NaN}]}', "JSON"),
        (b'{"a": "\xff"}', "JSON"),
        ({"Bad-Key": [SNAPSHOT]}, "Bad-Key"),
        ({"a": SNAPSHOT}, "array"),
        ({"a": [1]}, "a[0]"),
        ({"a": [{}]}, "a[0].timestamp"),
        ({"a": [SNAPSHOT, {"timestamp": "2025-02-30T14:00:00Z"}]}, "a[1].timestamp"),
        ({"a": [{"timestamp": "2025-10-30 14:00:00"}]}, "a[0].timestamp"),
        ({"a": [{"timestamp": "2025-10-30T14:00:00Z", "instance": 5}]}, "a[0].instance"),
        ({"a": [{"timestamp": "2025-10-30T14:00:00Z", "x": {"deep": 1}}]}, "a[0].x"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_whole(
    body: object, said: str, client: TestClient[Any, Any], database: Path
) -> None:
    """A wrong body is answered 400 with what and where, and nothing of it is stored."""
    status, answer = await post(client, body)
    assert status == 400
    assert said in answer["error"]
    assert rows(database) == [(0,)]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/metrics/prometheus", {}, 400),
        ("/metrics/prometheus?server_id=-x", {}, 400),
        ("/metrics/prometheus?server_id=a&server_id=b", {}, 400),
        (IN, {"Content_Type": "text/plain"}, 415),
        (IN, {"Content_Encoding": "compress"}, 415),
        ("/elsewhere", {}, 404),
        ("/api/servers", {}, 405),
    ],
)
async def test_a_request_that_is_wrong_gets_its_status(
    path: str, headers: dict[str, str], status: int, client: TestClient[Any, Any]
) -> None:
    """Wrong ids, types, codings, paths and methods are each answered with their status and a JSON reason."""
    answered, answer = await post(client, {"a": [SNAPSHOT]}, path, **headers)
    assert answered == status
    assert answer["error"]


async def test_a_body_over_the_limit_is_refused(client: TestClient[Any, Any], database: Path) -> None:
    """A body above the limit, also one that only unpacks to it, is answered 413 with the limit."""
    big = {"a": [{"timestamp": "2025-10-30T14:00:00Z", "raw_text": "x" * MAX_BODY}]}
    status, answer = await post(client, big)
    assert (status, "64KiB" in answer["error"]) == (413, True)
    bomb = gzip.compress(b'{"a": "' + b"0" * 50_000_000)
    status, answer = await post(client, bomb, Content_Encoding="gzip")
    assert (status, "64KiB" in answer["error"]) == (413, True)
    assert rows(database) == [(0,)]


async def test_gzip_is_taken(client: TestClient[Any, Any], database: Path) -> None:
    """A gzip body is stored as a plain one is."""
    body = gzip.compress(json.dumps({"a": [SNAPSHOT]}).encode())
    assert await post(client, body, Content_Encoding="gzip") == (200, {"stored": 1, "known": 0})
    assert rows(database) == [(1,)]


async def test_a_slow_body_is_given_up(client: TestClient[Any, Any], database: Path) -> None:
    """A body that does not arrive in its time is answered 408, and nothing of it is stored."""
    assert client.server is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    head = f"POST {IN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    assert b" 408 " in answer
    assert rows(database) == [(0,)]


async def test_objects_of_one_identity_are_one_row(client: TestClient[Any, Any], database: Path) -> None:
    """Several objects of one key, instance and slot make up one snapshot, and come back together."""
    time = {"timestamp": "2025-10-30T14:00:00Z"}
    body = {"process_exporter": [{**time, "name": "a", "num_procs": 1}, {**time, "name": "b", "num_procs": 2}]}
    assert await post(client, body) == (200, {"stored": 1, "known": 0})
    assert rows(database) == [(1,)]
    async with client.get("/api/servers/web-1/latest") as response:
        (snapshot,) = (await response.json())["snapshots"]
    assert [each["name"] for each in snapshot["objects"]] == ["a", "b"]


async def test_instances_are_sources_of_their_own(client: TestClient[Any, Any]) -> None:
    """The same key with another instance is another source."""
    await post(client, {"redis_exporter": [SNAPSHOT, {**SNAPSHOT, "instance": "sessions"}]})
    async with client.get("/api/servers") as response:
        (server,) = (await response.json())["servers"]
    assert [source["instance"] for source in server["sources"]] == ["redis_exporter", "sessions"]
    assert server["snapshots"] == 2


async def test_series_are_columns_with_rates(client: TestClient[Any, Any]) -> None:
    """A counter comes as changes per second, with None where it fell; unknown names are answered 404."""
    counts = (100, 160, 10, 70)
    await post(
        client,
        {
            "node_exporter": [
                {"timestamp": f"2025-10-30T14:00:{second:02d}Z", "processes_total": count}
                for second, count in zip((0, 15, 30, 45), counts, strict=True)
            ]
        },
    )
    path = "/api/servers/web-1/series?key=node_exporter&since=2025-10-30T13:59:00Z"
    async with client.get(path) as response:
        answer = await response.json()
    kept = [value for value in answer["series"][0]["values"] if value is not None]
    assert kept
    assert set(kept) <= set(counts)
    async with client.get("/api/servers/web-1/series?key=nothing") as response:
        assert response.status == 404
    async with client.get("/api/servers/nobody/latest") as response:
        assert response.status == 404


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=1, max_size=30))
def test_a_rate_is_never_negative(values: list[int | None]) -> None:
    """Whatever a counter does, its rate is a change per second that is not negative, or no value."""
    rates = per_second([15 * index for index in range(len(values))], values)
    assert len(rates) == len(values)
    assert rates[0] is None
    for before, value, rate in zip(values, values[1:], rates[1:], strict=False):
        if before is None or value is None or value < before:
            assert rate is None
        else:
            assert rate == (value - before) / 15


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_repetition_gives_the_same_rows(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Snapshots may come split, repeated and in any order: the rows are those of sending each once."""
    identities = data.draw(st.sets(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 9)), min_size=1))
    posts = data.draw(st.lists(st.lists(st.sampled_from(sorted(identities)), min_size=1, max_size=5), max_size=8))
    path = tmp_path_factory.mktemp("rows") / "dashboard.sqlite"
    store = Store(path)
    for each in [*posts, sorted(identities)]:
        body: dict[str, list[dict[str, object]]] = {}
        for key, second in dict.fromkeys(each):
            body.setdefault(key, []).append({"timestamp": f"2025-10-30T14:00:0{second}Z", "value": second})
        store.add(read_delivery("web-1", json.dumps(body).encode()), 1)
    assert {source.key: source.snapshots for source in store.sources()} == {
        key: len([1 for each, _ in identities if each == key]) for key, _ in identities
    }
    store.close()


async def test_the_page_fetches_nothing_from_elsewhere(client: TestClient[Any, Any]) -> None:
    """The page and its files are served from here, hold no inline script, and a policy forbids any other source."""
    async with client.get("/") as response:
        page = await response.text()
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert "/static/plotly.min.js" in linked
    for link in linked:
        assert link.startswith("/"), link
        async with client.get(link) as response:
            assert response.status == 200, link
            assert await response.read()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    async with client.get("/static/..%2fstore.py") as response:
        assert response.status == 404


@pytest.mark.parametrize("name", ["page.js", "charts.js"])
def test_text_from_outside_never_becomes_markup(name: str) -> None:
    """The page's own scripts set text as text: no innerHTML and its like in them."""
    import nodepulse_dashboard  # noqa: PLC0415 - where its files are

    script = (Path(str(nodepulse_dashboard.__file__)).parent / "static" / name).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script)
