"""How the dashboard answers what goes wrong, and to whom it answers at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodepulse_dashboard.errors import StoreError
from support.reference import SNAPSHOT, Dashboard, dashboard_at


@pytest.mark.parametrize("path", ["/", "/api/servers", "/static/page.js", "/elsewhere"])
async def test_every_answer_keeps_the_page_to_itself(path: str, dashboard: Dashboard) -> None:
    """Page, data, files and errors forbid foreign scripts, frames and guesses at their type."""
    async with dashboard.client.get(path) as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(("path", "status"), [("/elsewhere", 404), ("/api/servers/a/b/c", 404), ("/static/", 404)])
async def test_what_is_not_there_is_said_in_json(path: str, status: int, dashboard: Dashboard) -> None:
    """An unknown path is answered 404, with where things are."""
    answered, answer = await dashboard.get(path)
    assert (answered, "/metrics/prometheus" in answer["error"]) == (status, True)


async def test_another_method_is_told_which_are_allowed(dashboard: Dashboard) -> None:
    """A wrong method is answered 405 with the right ones."""
    async with dashboard.client.get("/metrics/prometheus") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
    status, answer = await dashboard.post({}, "/api/servers")
    assert (status, "GET" in answer["error"]) == (405, True)


async def test_another_host_is_refused(tmp_path: Path) -> None:
    """On loopback, a request for a foreign name is refused, so no other site's name can be made to point here."""
    async with dashboard_at(tmp_path / "d.sqlite", hosts=frozenset({"localhost", "127.0.0.1"})) as dashboard:
        for host, status in (
            ("evil.example", 403),
            ("127.0.0.1.evil.example", 403),
            ("localhost:8089", 200),
            ("LOCALHOST", 200),
        ):
            async with dashboard.client.get("/api/servers", headers={"Host": host}) as response:
                assert response.status == status, host
        status, _ = await dashboard.post({"a": [SNAPSHOT]}, Host="evil.example")
        assert status == 403
        assert dashboard.count() == 0


async def test_a_store_that_cannot_be_read_is_said(dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing database is answered 503 with its reason and when to come again."""

    def fail(*_: object) -> None:
        raise StoreError("cannot read the database: disk I/O error")

    monkeypatch.setattr(dashboard.store, "sources", fail)
    async with dashboard.client.get("/api/servers") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert "disk I/O error" in (await response.json())["error"]


async def test_a_defect_is_logged_and_not_shown(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A defect is answered 500 without its details, which go to the log."""

    def fail(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(dashboard.store, "sources", fail)
    status, answer = await dashboard.get("/api/servers")
    assert (status, "secret" in answer["error"]) == (500, False)
    assert "a secret of the inside" in caplog.text
