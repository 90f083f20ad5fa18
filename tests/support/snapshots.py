"""Snapshots as the agent makes them, of made-up values that are easy to tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from support.reference import SLOT

_GIB = 1024**3


def time_of(second: int) -> dict[str, Any]:
    """Return the timestamp of so many seconds after SLOT."""
    return {"timestamp": datetime.fromtimestamp(SLOT + second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def node_snapshot(second: int) -> dict[str, Any]:
    """Return a node_exporter snapshot of a server whose load never changes: 32.1 % of its CPU, half its memory."""
    since_boot = 100_000 + second
    shares = {"user": 0.25, "system": 0.05, "iowait": 0.02, "steal": 0.001, "idle": 0.679}
    return {
        **time_of(second),
        **{f"cpu_{mode}_seconds": 4 * share * since_boot for mode, share in shares.items()},
        "cpu_cores": 4,
        "memory_total_bytes": 8 * _GIB,
        "memory_available_bytes": 4 * _GIB,
        "swap_total_bytes": 0,
        "swap_free_bytes": 0,
        "disk_total_bytes": 100 * _GIB,
        "disk_available_bytes": 60 * _GIB,
        "disk_read_bytes_total": 1024**2 * since_boot,
        "disk_written_bytes_total": 2 * 1024**2 * since_boot,
        "network_receive_bytes_total": 3 * 512 * 1024 * since_boot,
        "network_transmit_bytes_total": 512 * 1024 * since_boot,
        "load_1min": 1.5,
        "load_5min": 1.25,
        "load_15min": 1.0,
        "uptime_seconds": since_boot,
    }


def process_snapshots(second: int, *names: str) -> list[dict[str, Any]]:
    """Return a process_exporter's objects, one for each name."""
    values = {"num_procs": 1, "cpu_seconds_total": 0.5 * second + 1000, "memory_bytes": _GIB}
    return [{**time_of(second), "name": name, **values} for name in names]
