"""The agent's own metrics: what of a report is for Prometheus.

Names are relied on by dashboards and alerts: they are added to, never changed. Whatever starts with `process_` is
named as every Prometheus client names it.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import get_args

from nodepulse_core.agent.report import (
    BufferReport,
    DeliveryReport,
    HoldReport,
    ProcessReport,
    Report,
    Status,
    TargetReport,
)
from nodepulse_core.families import Family, FamilyType

_BALANCE = (
    "nodepulse_entries_found_total + nodepulse_entries_stored_total = nodepulse_entries_delivered_total + "
    "nodepulse_buffer_entries + nodepulse_quarantined_entries + nodepulse_entries_evicted_total + "
    "nodepulse_entries_left_total, always."
)


def make_families(report: Report) -> tuple[Family, ...]:
    """Return all families of a report, in the order in which a person wants to read them."""
    return (
        *_agent(report),
        *_targets(report.targets),
        *_buffer(report.buffer, report.at),
        *_delivery(report.delivery),
        *_holds(report.holds),
        *_processes(report.processes),
        *_process(report),
    )


def _one(name: str, type_: FamilyType, help_: str, value: float | None) -> Family:
    """Return a family of one value without labels; without its value it has no series, and is not written."""
    return Family(f"nodepulse_{name}", type_, help_, () if value is None else (({}, value),))


def _agent(report: Report) -> Iterator[Family]:
    build = {"version": report.version, "python": platform.python_version()}
    yield Family("nodepulse_build_info", "gauge", "The version of the agent, and of Python; always 1.", ((build, 1),))
    yield Family(
        "nodepulse_status",
        "gauge",
        "1 for the state that the agent is in, as /health says it, and 0 for the others.",
        tuple(({"status": status}, int(status == report.status)) for status in get_args(Status)),
    )
    yield _one(
        "event_loop_lag_seconds", "gauge", "Longest that the event loop was late in the last minute.", report.lag
    )
    late = "How long the event loop was late, all together."
    yield _one("event_loop_late_seconds_total", "counter", late, report.late_seconds)
    yield _one(
        "dead_loops",
        "gauge",
        "Loops of the agent that have ended by themselves; more than 0 is a defect.",
        len(report.dead),
    )
    yield _one(
        "stalled_loops",
        "gauge",
        "Loops of the agent that are far behind their time; more than 0 is a defect.",
        len(report.stalled),
    )
    yield Family(
        "nodepulse_plugin_up",
        "gauge",
        "1 where nothing is known against an installed plugin, 0 where it cannot be used; see: nodepulse plugins list.",
        tuple(
            ({"plugin": each.name, "distribution": each.distribution, "version": each.version}, int(each.error is None))
            for each in report.plugins
        ),
    )


def _targets(targets: tuple[TargetReport, ...]) -> Iterator[Family]:
    """Yield a family for each figure of targets; a target without that figure has no series in it."""
    figures: tuple[tuple[str, FamilyType, str, list[float | None]], ...] = (
        ("up", "gauge", "1 where the last scrape was stored, 0 where it failed.", [_up(each) for each in targets]),
        (
            "last_scrape_timestamp_seconds",
            "gauge",
            "When the last scrape that was stored ended.",
            [each.last_scrape for each in targets],
        ),
        (
            "scrape_duration_seconds",
            "gauge",
            "How long the last scrape took, with all its tries.",
            [each.recent[-1].seconds if each.recent else None for each in targets],
        ),
        (
            "scrape_samples",
            "gauge",
            "Samples of the last scrape; 0 where it failed.",
            [each.recent[-1].samples if each.recent else None for each in targets],
        ),
        ("scrapes_total", "counter", "Scrapes, whether they went well or failed.", [each.scrapes for each in targets]),
        ("scrape_failures_total", "counter", "Scrapes that failed.", [each.failures for each in targets]),
        (
            "scrape_retries_total",
            "counter",
            "Tries after the first, within one slot.",
            [each.retries for each in targets],
        ),
        (
            "slots_skipped_total",
            "counter",
            "Slots without a scrape, because the one before took too long or the clock jumped.",
            [each.skipped for each in targets],
        ),
        (
            "missing_fields",
            "gauge",
            "Fields that its snapshots had, and have no more, since its exporter was changed.",
            [len(each.missing_fields) for each in targets],
        ),
        ("samples_total", "counter", "Samples of all scrapes.", [each.samples for each in targets]),
        ("scrape_seconds_total", "counter", "How long all scrapes took.", [each.seconds for each in targets]),
    )
    labels = [{"target": each.name, "type": each.type} for each in targets]
    for name, type_, help_, values in figures:
        pairs = zip(labels, values, strict=True)
        series = tuple((label, value) for label, value in pairs if value is not None)
        yield Family(f"nodepulse_target_{name}", type_, help_, series)


def _up(target: TargetReport) -> float | None:
    return None if target.status == "starting" else int(target.status == "running")


def _buffer(buffer: BufferReport, now: float) -> Iterator[Family]:
    age = None if buffer.oldest is None else max(0.0, now - buffer.oldest)
    yield _one(
        "entries_found_total", "counter", f"Entries that waited when the agent started. {_BALANCE}", buffer.found
    )
    yield _one("entries_stored_total", "counter", "Scrapes that were stored durably.", buffer.stored)
    yield _one("entries_delivered_total", "counter", "Entries that the destination has.", buffer.delivered)
    yield _one("entries_evicted_total", "counter", "Entries removed for age or space, never delivered.", buffer.evicted)
    left = "Entries that are no longer looked after: they are gone, or cannot be read."
    yield _one("entries_left_total", "counter", left, buffer.left)
    yield _one("entries_refused_total", "counter", "Scrapes that the disk did not take: they are lost.", buffer.refused)
    yield _one("buffer_entries", "gauge", "Entries that wait to be delivered.", buffer.files)
    yield _one("buffer_bytes", "gauge", "What they take on disk.", buffer.size_bytes)
    yield _one(
        "buffer_oldest_entry_age_seconds", "gauge", "Age of the oldest entry that waits; absent where none does.", age
    )
    yield _one(
        "quarantined_entries", "gauge", "Entries put aside since the start, and still there.", buffer.quarantined
    )
    works = "1 where the last scrape could be written to disk, 0 where it could not."
    yield _one("buffer_writable", "gauge", works, int(buffer.error is None))


def _delivery(delivery: DeliveryReport) -> Iterator[Family]:
    tried = delivery.batches + delivery.failures
    works = "1 where the destination took the last batch, 0 where it did not; absent before the first one."
    yield _one("delivery_up", "gauge", works, int(delivery.last_error is None) if tried else None)
    last = "When the destination took the last batch."
    yield _one("delivery_last_success_timestamp_seconds", "gauge", last, delivery.last_success)
    yield _one("batches_delivered_total", "counter", "Batches that the destination took.", delivery.batches)
    failed = "Times that the destination did not take a batch, and was given time."
    yield _one("delivery_failures_total", "counter", failed, delivery.failures)
    yield Family(
        "nodepulse_delivery_request_duration_seconds",
        "histogram",
        "How long the destination took to answer, whatever its answer.",
        (({"sender": delivery.sender}, delivery.requests),),
    )


def _holds(holds: tuple[HoldReport, ...]) -> Iterator[Family]:
    """Yield which plugins have held the event loop."""
    labels = [
        {"plugin": each.plugin, "distribution": each.distribution, "version": each.version, "target": each.target or ""}
        for each in holds
    ]
    times = tuple(zip(labels, [float(each.times) for each in holds], strict=True))
    seconds = tuple(zip(labels, [each.seconds for each in holds], strict=True))
    yield Family("nodepulse_plugin_holds_total", "counter", "Times that a plugin held the event loop.", times)
    yield Family("nodepulse_plugin_held_seconds_total", "counter", "How long it did, all together.", seconds)


def _processes(processes: tuple[ProcessReport, ...]) -> Iterator[Family]:
    """Yield what is known of the processes in which exporters run."""
    figures: tuple[tuple[str, FamilyType, str, list[float | None]], ...] = (
        (
            "up",
            "gauge",
            "1 while a target's isolated exporter has a process.",
            [int(bool(each.pid)) for each in processes],
        ),
        ("starts_total", "counter", "Processes that were started for it.", [each.starts for each in processes]),
        (
            "failures_total",
            "counter",
            "Processes of it that ended although nobody asked them to, or could not be started.",
            [each.failures for each in processes],
        ),
        ("resident_memory_bytes", "gauge", "Memory of its process.", [each.resident_bytes for each in processes]),
    )
    labels = [{"target": each.target, "type": each.type} for each in processes]
    for name, type_, help_, values in figures:
        pairs = zip(labels, values, strict=True)
        series = tuple((label, float(value)) for label, value in pairs if value is not None)
        yield Family(f"nodepulse_isolated_process_{name}", type_, help_, series)


def _process(report: Report) -> Iterator[Family]:
    process = report.process
    figures: tuple[tuple[str, FamilyType, str, float | None], ...] = (
        (
            "process_cpu_seconds_total",
            "counter",
            "Total user and system CPU time spent in seconds.",
            process.cpu_seconds,
        ),
        ("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", process.resident_bytes),
        ("process_open_fds", "gauge", "Number of open file descriptors.", process.open_files),
        ("process_max_fds", "gauge", "Maximum number of open file descriptors.", process.most_files),
        ("process_start_time_seconds", "gauge", "When the agent started, in seconds since the epoch.", report.started),
    )
    for name, type_, help_, value in figures:
        yield Family(name, type_, help_, () if value is None else (({}, value),))
