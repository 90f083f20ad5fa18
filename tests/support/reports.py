"""Reports of an agent that is well, to be changed where a test needs it."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from nodepulse_core.agent.report import BufferReport, DeliveryReport, PluginReport, Report, TargetReport
from nodepulse_core.families import Distribution
from nodepulse_core.health import Outcome
from nodepulse_core.watch.process import ProcessUse
from nodepulse_core.watch.watch import BacklogPoint

NOW = 1_800_000_000.0


def make_target(name: str = "redis_exporter", **changes: Any) -> TargetReport:
    """Return a target that was scraped four times, the last time with success."""
    target = TargetReport(
        name=name,
        type="redis_exporter",
        endpoint="http://localhost:9121/metrics",
        origin="file",
        interval=15.0,
        status="running",
        last_scrape=NOW,
        last_error=None,
        failing_since=None,
        next_scrape=NOW + 15,
        recent=(Outcome(int(NOW), 0.25, 7),),
        scrapes=4,
        failures=1,
        samples=21,
        seconds=1.5,
        retries=2,
        skipped=1,
    )
    return evolve(target, **changes)


def make_report(**changes: Any) -> Report:
    """Return a report of a healthy agent with one target and three entries that wait."""
    report = Report(
        at=NOW,
        started=NOW - 3600,
        version="0.1.0",
        server_id="test-1",
        status="healthy",
        reasons=(),
        targets=(make_target(),),
        buffer=BufferReport(
            path="/var/lib/nodepulse/buffer",
            files=3,
            size_bytes=3000,
            oldest=int(NOW) - 60,
            found=5,
            stored=20,
            delivered=18,
            quarantined=2,
            evicted=1,
            left=1,
            refused=4,
            error=None,
        ),
        delivery=DeliveryReport(
            sender="dashboard",
            endpoint="https://dashboard.example/metrics/prometheus",
            last_success=NOW - 1,
            last_error=None,
            failing_since=None,
            batches=9,
            failures=1,
            requests=Distribution(10, 2.5, ((0.1, 4), (1.0, 10))),
        ),
        plugins=(PluginReport("redis_exporter", "nodepulse-exporter-redis", "0.1.0", None),),
        backlog=(BacklogPoint(NOW - 10, 4, 4000, 2, 1), BacklogPoint(NOW, 3, 3000, 2, 1)),
        lag=0.01,
        late_seconds=0.5,
        process=ProcessUse(cpu_seconds=12.5, resident_bytes=40_000_000, open_files=20, most_files=1024),
    )
    return evolve(report, **changes)
