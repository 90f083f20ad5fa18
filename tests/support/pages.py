"""The agent's own HTTP over a report of the test's choice, and the states that a person may meet on the status page."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from aiohttp import web
from attrs import define, evolve, field
from nodepulse_core.agent.control import Control
from nodepulse_core.agent.report import Report, TargetReport, judge
from nodepulse_core.clock import Clock, SystemClock
from nodepulse_core.health import Outcome, Response
from nodepulse_core.http import Address, Guard, create_app, listening
from nodepulse_core.watch.watch import BacklogPoint
from support.reports import NOW, make_report, make_target

REFUSED = "cannot connect to localhost:9121: connection refused"
UNAVAILABLE = "cannot send by dashboard: 503 Service Unavailable from https://dashboard.example/metrics/prometheus"


@define
class Stage:
    """What the page shows: change it, and the page follows."""

    report: Report = field(factory=make_report)
    responses: dict[str, Response] = field(factory=dict)
    reports: int = 0
    """How often a report was made."""

    def app(self, clock: Clock | None = None, **changes: Any) -> web.Application:
        """Return the application that shows it."""
        parts: dict[str, Any] = {
            "report": self._report,
            "response": self.responses.get,
            "control": cast("Control", None),
            "guard": Guard("127.0.0.1", None, lambda _: 0),
            "clock": clock or SystemClock(),
        }
        return create_app(**parts | changes)

    def _report(self) -> Report:
        self.reports += 1
        return self.report


@asynccontextmanager
async def staged(stage: Stage) -> AsyncIterator[str]:
    """Serve a stage on loopback; gives its URL."""
    async with listening(stage.app(), Address("127.0.0.1", 0)) as address:
        yield f"http://{address}"


def make_recent(*failed: int, count: int = 60, interval: int = 15, seed: int = 1) -> tuple[Outcome, ...]:
    """Return a target's last scrapes; `failed` counts from the latest, which is 0."""
    return tuple(
        Outcome(int(NOW) - back * interval, 0.002, error=REFUSED)
        if back in failed
        else Outcome(int(NOW) - back * interval, 0.018 * seed + 0.006 * math.sin(back * seed) ** 2, 300 * seed + 12)
        for back in reversed(range(count))
    )


def make_backlog(*files: int) -> tuple[BacklogPoint, ...]:
    """Return the backlog of the last hour, from counts at equal distances until now."""
    step = 3600 / max(1, len(files) - 1)
    return tuple(
        BacklogPoint(NOW - (len(files) - 1 - index) * step, count, count * 9000, 0, 0)
        for index, count in enumerate(files)
    )


def make_targets() -> tuple[TargetReport, ...]:
    """Return the three targets of a usual machine, and one that somebody added."""
    node = make_target(
        "node_exporter",
        type="node_exporter",
        endpoint="http://localhost:9100/metrics",
        recent=make_recent(seed=3),
        last_scrape=NOW - 4,
    )
    return (
        make_target(
            "custom_app",
            type="prometheus",
            endpoint="http://localhost:8080/metrics",
            origin="api",
            interval=60.0,
            recent=make_recent(count=24),
            last_scrape=NOW - 31,
        ),
        node,
        make_target(
            "postgres_exporter",
            type="postgres_exporter",
            endpoint="http://localhost:9187/metrics",
            interval=30.0,
            recent=make_recent(41, seed=2),
            last_scrape=NOW - 12,
        ),
        make_target("redis_exporter", recent=make_recent(), last_scrape=NOW - 4),
    )


def fail(target: TargetReport, scrapes: int = 5) -> TargetReport:
    """Return a target whose last scrapes failed."""
    return evolve(
        target,
        status="failed",
        recent=make_recent(*range(scrapes)),
        last_scrape=NOW - 15 * scrapes - 4,
        last_error=REFUSED,
        failing_since=NOW - 15 * scrapes + 11,
        next_scrape=NOW + 11,
    )


def judged(report: Report) -> Report:
    """Return a report with the status and the reasons that the agent would give for what it holds."""
    status, reasons = judge(
        targets=report.targets,
        buffer=report.buffer,
        delivery=report.delivery,
        evicted=0,
        quarantined=0,
        hanging=(),
        dead=[],
        stalled=[],
    )
    return evolve(report, status=status, reasons=reasons)


def _wave(points: int = 361) -> tuple[int, ...]:
    return tuple(0 if index % 3 == 1 else 4 for index in range(points))


def all_well() -> Report:
    """Return four targets that answer, and a dashboard that takes it all."""
    report = make_report(targets=make_targets(), backlog=make_backlog(*_wave()))
    return evolve(report, buffer=evolve(report.buffer, files=4, size_bytes=36_000, oldest=int(NOW) - 4))


def one_failing() -> Report:
    """Return the same with Redis' exporter down."""
    report = all_well()
    return judged(evolve(report, targets=(*report.targets[:3], fail(report.targets[3]))))


def dashboard_down() -> Report:
    """Return the same with a dashboard that has been down for forty minutes."""
    report = all_well()
    down = (*_wave(120), *(4 + index * 3 for index in range(241)))
    buffer = evolve(report.buffer, files=down[-1], size_bytes=down[-1] * 9000, oldest=int(NOW) - 2400)
    delivery = evolve(report.delivery, last_error=UNAVAILABLE, last_success=NOW - 2404, failing_since=NOW - 2400)
    return judged(evolve(report, backlog=make_backlog(*down), buffer=buffer, delivery=delivery))


def nothing_configured() -> Report:
    """Return an agent that has just been started with no targets."""
    report = make_report(targets=(), backlog=make_backlog(0), started=NOW - 40)
    return evolve(
        report,
        buffer=evolve(report.buffer, files=0, size_bytes=0, oldest=None),
        delivery=evolve(report.delivery, last_success=None, batches=0),
    )


def sixty_targets() -> Report:
    """Return a database machine with sixty targets, two of which fail and one has just been added."""
    targets = [
        make_target(
            f"orders_db_{number:02}",
            type="postgres_exporter",
            endpoint=f"http://localhost:{9200 + number}/metrics",
            recent=make_recent(number, seed=1 + number % 5),
            last_scrape=NOW - number % 15,
        )
        for number in range(60)
    ]
    for number in (7, 23):
        targets[number] = fail(targets[number], 2 + number)
    targets[59] = evolve(targets[59], status="starting", recent=(), last_scrape=None, origin="api")
    return judged(evolve(all_well(), targets=tuple(targets)))


STATES = {
    "all-well": all_well,
    "one-failing": one_failing,
    "dashboard-down": dashboard_down,
    "nothing-configured": nothing_configured,
    "sixty-targets": sixty_targets,
}
