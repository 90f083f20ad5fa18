"""What the agent tells about itself at a moment, and whether it is well: the source of every page, answer and metric.

A report is plain frozen data. Times are seconds since the epoch, durations are seconds, sizes are bytes; what has not
happened yet is None. It holds no secret: of an endpoint only what `show_endpoint` leaves.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from nodepulse_core.families import Distribution
from nodepulse_core.field_memory import MissingField
from nodepulse_core.health import Outcome
from nodepulse_core.watch.process import ProcessUse
from nodepulse_core.watch.watch import BacklogPoint

Status = Literal["healthy", "degraded", "unhealthy"]
TargetStatus = Literal["running", "failed", "starting"]


@frozen
class TargetReport:
    """One target: what it is, how its last scrape went, and its counts since its loop began."""

    name: str
    type: str
    endpoint: str
    origin: str
    interval: float
    status: TargetStatus
    last_scrape: float | None
    """When the last scrape that was stored ended."""
    last_error: str | None
    """Why the last scrape failed; None where it did not."""
    failing_since: float | None
    next_scrape: float | None
    recent: tuple[Outcome, ...]
    scrapes: int
    failures: int
    samples: int
    seconds: float
    retries: int
    skipped: int
    missing_fields: tuple[MissingField, ...] = ()
    """The fields that its snapshots had, and have no more."""


@frozen
class BufferReport:
    """The buffer, and the books since the start: found + stored = delivered + files + quarantined + evicted + left."""

    path: str
    files: int
    size_bytes: int
    oldest: int | None
    """The slot of the oldest entry that waits."""
    found: int
    stored: int
    delivered: int
    quarantined: int
    evicted: int
    left: int
    refused: int
    error: str | None
    """Why the last write failed; None where it did not."""


@frozen
class DeliveryReport:
    """The way to the destination, and its counts since the start."""

    sender: str
    endpoint: str
    last_success: float | None
    last_error: str | None
    failing_since: float | None
    batches: int
    failures: int
    requests: Distribution
    """How many requests were answered, in how many seconds all together, and how many within each bound of seconds."""


@frozen
class PluginReport:
    """One installed plugin; `error` says why it cannot be used, as far as that is known."""

    name: str
    distribution: str
    version: str
    error: str | None


@frozen
class ProcessReport:
    """The process that a target's exporter runs in; `pid` is None while there is none."""

    target: str
    type: str
    pid: int | None
    resident_bytes: int | None
    starts: int
    failures: int
    """How many ended although nobody asked them to, or could not be started."""
    last_failure: str | None
    failed_at: float | None


@frozen
class HoldReport:
    """How often and how long a plugin has held the event loop for more than a second, scraping which target."""

    plugin: str
    distribution: str
    version: str
    target: str | None
    times: int
    seconds: float
    longest: float
    last_at: float


@frozen
class Report:
    """The agent at a moment."""

    at: float
    started: float
    version: str
    server_id: str
    status: Status
    reasons: tuple[str, ...]
    """Why it is not healthy, one sentence each."""
    targets: tuple[TargetReport, ...]
    buffer: BufferReport
    delivery: DeliveryReport
    plugins: tuple[PluginReport, ...]
    backlog: tuple[BacklogPoint, ...]
    """The last hour, oldest first."""
    lag: float
    """The longest that the event loop was late in the last minute."""
    late_seconds: float
    process: ProcessUse
    dead: tuple[str, ...] = ()
    """The loops that have ended although nobody ended them."""
    stalled: tuple[str, ...] = ()
    """The loops that do not get on, although it is their time."""
    processes: tuple[ProcessReport, ...] = ()
    """Exporters in processes of their own."""
    holds: tuple[HoldReport, ...] = ()
    """Plugins that have held the event loop."""


_MOST_MISSING = 3


def judge(
    *,
    targets: tuple[TargetReport, ...],
    buffer: BufferReport,
    delivery: DeliveryReport,
    evicted: int,
    quarantined: int,
    hanging: tuple[str, ...],
    dead: list[str],
    stalled: list[str],
    troubles: tuple[str, ...] = (),
) -> tuple[Status, tuple[str, ...]]:
    """Return whether the agent is well, and why it is not.

    `evicted` and `quarantined` are counts of the last ten minutes; `hanging` names targets whose snapshots a plugin has
    not finished, `dead` loops that have ended, `stalled` those that do not get on; `troubles` are what else is wrong,
    in words. Unhealthy means that the agent itself cannot work; a target or a dashboard that is down only makes it
    degraded.
    """
    fatal = [f"the loop of {name} has ended; restart the agent" for name in dead]
    fatal += [f"the loop of {name} does not get on; restart the agent" for name in stalled]
    if buffer.error is not None:
        fatal.append(f"the buffer cannot be written: {buffer.error}")
    reasons = [f"{target.name} fails: {target.last_error}" for target in targets if target.status == "failed"]
    reasons += [reason for target in targets for reason in _say_missing(target)]
    if delivery.last_error is not None:
        reasons.append(f"nothing is delivered: {delivery.last_error}; {buffer.files} entries wait on disk")
    if evicted:
        reasons.append(f"{evicted} entries that were never delivered were evicted in the last ten minutes")
    if quarantined:
        reasons.append(
            f"{quarantined} entries were quarantined in the last ten minutes; see: nodepulse buffer ls --quarantine"
        )
    reasons += [
        f"the exporter of {name} hangs in making a snapshot; mend or remove it, then restart the agent"
        for name in sorted(set(hanging))
    ]
    reasons += troubles
    status: Status = "unhealthy" if fatal else "degraded" if reasons else "healthy"
    return status, (*fatal, *reasons)


def _say_missing(target: TargetReport) -> list[str]:
    """Return a sentence for each of the first missing fields of a target, and one for the rest."""
    said = [f"{target.name}: {each}" for each in target.missing_fields[:_MOST_MISSING]]
    others = len(target.missing_fields) - len(said)
    return [*said, f"{target.name}: {others} more fields are missing; /health names them"] if others else said
