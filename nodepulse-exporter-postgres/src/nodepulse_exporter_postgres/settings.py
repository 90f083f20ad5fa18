"""Settings of the server, in seconds and bytes, as postgres_exporter names them.

Those that dashboards draw and alerts compare with: all 370 would be most of a scrape, and hardly ever change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nodepulse_core import Family

SETTINGS = (
    *("archive_timeout", "autovacuum", "autovacuum_freeze_max_age", "autovacuum_max_workers", "autovacuum_naptime"),
    *("block_size", "checkpoint_completion_target", "checkpoint_timeout", "data_checksums", "deadlock_timeout"),
    *("default_statistics_target", "effective_cache_size", "effective_io_concurrency", "fsync", "full_page_writes"),
    *("hot_standby", "idle_in_transaction_session_timeout", "lock_timeout", "maintenance_work_mem", "max_connections"),
    *("max_locks_per_transaction", "max_parallel_workers", "max_prepared_transactions", "max_replication_slots"),
    *("max_standby_streaming_delay", "max_wal_senders", "max_wal_size", "max_worker_processes", "min_wal_size"),
    *("random_page_cost", "seq_page_cost", "shared_buffers", "superuser_reserved_connections"),
    *("temp_buffers", "track_io_timing", "wal_buffers", "wal_segment_size", "work_mem"),
)
_UNIT = re.compile(r"(\d*)([a-zA-Z]+)")
_BYTES = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400}


def read_settings(rows: Sequence[Mapping[str, Any]], labels: dict[str, str]) -> list[Family]:
    """Return a gauge for each setting that is a number or a truth value; -1 means none, whatever its unit."""
    families = []
    for row in rows:
        if row["vartype"] == "bool":
            families.append(_gauge(row["name"], row["short_desc"], labels, int(row["setting"] == "on")))
        elif row["vartype"] in {"integer", "real"}:
            number = int(row["setting"]) if row["vartype"] == "integer" else float(row["setting"])
            unit, factor = _parse_unit(row["unit"] or "")
            name = f"{row['name']}_{unit}" if unit else row["name"]
            help_ = f"{row['short_desc']} [Units converted to {unit}.]" if unit else row["short_desc"]
            families.append(_gauge(name, help_, labels, number if number == -1 else number * factor))
    return families


def _gauge(name: str, help_: str, labels: dict[str, str], value: float) -> Family:
    return Family(f"pg_settings_{name}", "gauge", help_, ((labels, value),))


def _parse_unit(text: str) -> tuple[str, float]:
    """Return the base unit and what a value is multiplied with: `8kB` is 8192 bytes."""
    match = _UNIT.fullmatch(text)
    if not match:
        return "", 1
    count = int(match[1] or 1)
    if match[2] in _BYTES:
        return "bytes", count * _BYTES[match[2]]
    if match[2] in _SECONDS:
        return "seconds", count * _SECONDS[match[2]]
    return "", 1
