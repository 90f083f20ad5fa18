"""`/health`, `/live` and `/ready`."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from nodepulse_core.agent.report import Report
from nodepulse_core.health import Outcome
from nodepulse_core.http.health import HealthAnswers, describe_report
from support.reports import make_report, make_target


async def ask(report: Report, path: str) -> tuple[int, dict[str, object]]:
    """Return status and JSON of an answer."""
    answers = HealthAnswers(lambda: report)
    app = web.Application()
    app.router.add_get("/health", answers.health)
    app.router.add_get("/live", answers.live)
    app.router.add_get("/ready", answers.ready)
    async with TestClient(TestServer(app)) as client, client.get(path) as response:
        return response.status, await response.json()


async def test_health_has_the_shape_of_the_design() -> None:
    """Status, exporters with their state, buffer with files, oldest and size: times in UTC, nothing secret."""
    status, health = await ask(make_report(), "/health")
    assert status == 200
    assert list(health)[:3] == ["status", "reasons", "exporters"]
    (exporter,) = health["exporters"]
    wanted = {"name": "redis_exporter", "type": "redis_exporter", "status": "running", "interval": "15s"}
    assert wanted.items() <= exporter.items()
    assert exporter["last_scrape"] == "2027-01-15T08:00:00Z"
    assert exporter["last_error"] is None
    assert {"files": 3, "oldest": "2027-01-15T07:59:00Z", "size_bytes": 3000}.items() <= health["buffer"].items()


@pytest.mark.parametrize(("said", "status"), [("healthy", 200), ("degraded", 200), ("unhealthy", 503)])
async def test_only_an_unhealthy_agent_is_unavailable(said: str, status: int) -> None:
    """A degraded agent answers 200, with its reasons: what watches it must not restart it for a target that is down."""
    answered, health = await ask(make_report(status=said, reasons=("because",)), "/health")
    assert (answered, health["status"], health["reasons"]) == (status, said, ["because"])


@pytest.mark.parametrize(("said", "status"), [("healthy", 200), ("degraded", 200), ("unhealthy", 503)])
async def test_ready_depends_on_the_agent_alone(said: str, status: int) -> None:
    """Ready is 503, with the reasons, only where the agent cannot work."""
    answered, ready = await ask(make_report(status=said, reasons=("because",)), "/ready")
    assert (answered, ready["reasons"]) == (status, ["because"] if status == 503 else [])


async def test_live_names_the_loop_that_has_ended() -> None:
    """Live is 503 only where a loop has ended by itself, or does not get on."""
    live = {"status": "live", "ended": [], "stalled": []}
    assert await ask(make_report(status="unhealthy"), "/live") == (200, live)
    dead = {"status": "dead", "ended": ["drain"], "stalled": []}
    assert await ask(make_report(dead=("drain",)), "/live") == (503, dead)
    stalled = {"status": "stalled", "ended": [], "stalled": ["redis"]}
    assert await ask(make_report(stalled=("redis",)), "/live") == (503, stalled)


async def test_history_is_told_where_it_is_asked_for() -> None:
    """Without `?history=1` each target's last outcome alone is there; with it all of them, and the backlog."""
    outcomes = (Outcome(1_799_999_985, 0.5, error="refused"), Outcome(1_800_000_000, 0.25, 7))
    report = make_report(targets=(make_target(recent=outcomes),))
    _, short = await ask(report, "/health")
    _, long = await ask(report, "/health?history=1")
    assert "backlog" not in short
    assert "recent" not in short["exporters"][0]
    assert short["exporters"][0]["last"] == {
        "slot": "2027-01-15T08:00:00Z",
        "seconds": 0.25,
        "samples": 7,
        "tries": 1,
        "error": None,
    }
    assert [each["error"] for each in long["exporters"][0]["recent"]] == ["refused", None]
    assert len(long["backlog"]) == len(report.backlog)


def test_everything_of_a_report_is_told() -> None:
    """Each field of a report stands in the JSON, the targets under `exporters`."""
    report = make_report()
    told = describe_report(report, history=True)
    assert {field.name for field in Report.__attrs_attrs__} - {"targets"} == told.keys() - {"exporters"}
