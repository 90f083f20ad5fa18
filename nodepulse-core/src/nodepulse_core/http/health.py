"""`/health`, `/live`, `/ready` and `/metrics`: how the agent is, for people, load balancers and supervisors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
from aiohttp import web

from nodepulse_core.agent.metrics import make_families
from nodepulse_core.agent.report import Report, TargetReport
from nodepulse_core.families import Family, write_exposition
from nodepulse_core.http.answers import answer, is_set
from nodepulse_core.units import format_duration, format_slot

_UNAVAILABLE = 503
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
_TIMES = frozenset(
    {
        *("at", "started", "last_scrape", "failing_since", "next_scrape", "oldest", "last_success", "slot"),
        *("failed_at", "last_at", "since"),
    }
)
_DURATIONS = frozenset({"interval"})


class HealthAnswers:
    """Answers how the agent is; none of it waits for a target, a dashboard or a disk."""

    def __init__(self, report: Callable[[], Report], families: Callable[[], Iterable[Family]] = tuple) -> None:
        """Take what makes a report, and the metrics of this HTTP itself."""
        self._report = report
        self._families = families

    async def health(self, request: web.Request) -> web.Response:
        """Answer with the report, `?history=1` with the last hour too; 503 only where the agent itself cannot work."""
        report = self._report()
        value = describe_report(report, history=is_set(request, "history"))
        return answer(value, _UNAVAILABLE if report.status == "unhealthy" else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        """Answer with the agent's own metrics as Prometheus text."""
        del request
        text = write_exposition((*make_families(self._report()), *self._families()))
        return web.Response(body=text.encode(), headers={"Content-Type": _EXPOSITION})

    async def live(self, request: web.Request) -> web.Response:
        """Answer 200 as long as all loops get on, as the watchdog asks, too; restart the agent where they do not."""
        del request
        report = self._report()
        status = "dead" if report.dead else "stalled" if report.stalled else "live"
        value = {"status": status, "ended": report.dead, "stalled": report.stalled}
        return answer(value, 200 if status == "live" else _UNAVAILABLE)

    async def ready(self, request: web.Request) -> web.Response:
        """Answer 200 where scrapes can be taken and stored; neither a target nor the dashboard has a part in it."""
        del request
        report = self._report()
        ready = report.status != "unhealthy"
        reasons = [] if ready else list(report.reasons)
        return answer({"status": "ready" if ready else "not ready", "reasons": reasons}, 200 if ready else _UNAVAILABLE)


def describe_report(report: Report, *, history: bool = False) -> dict[str, Any]:
    """Return a report as JSON: times in UTC, durations in seconds, except the interval, which is as in a configuration.

    Without `history` the last hour is left out: the backlog, and all outcomes of targets but the last.
    """
    value = _plain(report)
    value["exporters"] = [describe_target(target, history=history) for target in report.targets]
    del value["targets"]
    if not history:
        del value["backlog"]
    first = ("status", "reasons", "exporters")
    return {key: value[key] for key in (*first, *(key for key in value if key not in first))}


def describe_target(target: TargetReport, *, history: bool = False) -> dict[str, Any]:
    """Return one target as JSON, with its last outcome, or all that are remembered."""
    value = _plain(target)
    del value["recent"]
    value["last"] = _plain(target.recent[-1]) if target.recent else None
    if history:
        value["recent"] = [_plain(outcome) for outcome in target.recent]
    return value


def _plain(record: attrs.AttrsInstance) -> dict[str, Any]:
    return {field.name: _write(field.name, getattr(record, field.name)) for field in attrs.fields(type(record))}


def _write(key: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return [_write(key, each) for each in value]
    if attrs.has(type(value)):
        return _plain(value)
    if value is not None and key in _TIMES:
        return format_slot(int(value))
    return format_duration(value) if key in _DURATIONS else value
