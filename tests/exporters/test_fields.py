"""Every field of every snapshot, against an independent reading of the same recorded text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from nodepulse_core.exposition import stamp
from nodepulse_exporter_node import nodepulse_exporters as node
from nodepulse_exporter_postgres import nodepulse_exporters as postgres
from nodepulse_exporter_redis import nodepulse_exporters as redis
from support.oracle import EXPOSITIONS, Labels, read_series, total

SLOT = 1_800_000_000

_DISK = re.compile(r"sd[a-z]+|hd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+")
_VIRTUAL = ("docker", "veth", "virbr", "br-", "cni", "flannel")
_NOT_ROOT = {"tmpfs", "devtmpfs", "overlay", "squashfs", "devfs"}


def _read(name: str) -> str:
    return (EXPOSITIONS / name).read_text()


def _snapshot(exporters: Callable[[], Any], text: str) -> dict[str, Any]:
    (exporter,) = exporters()
    made: dict[str, Any] = exporter.snapshot(stamp(text.encode(), SLOT)[0].decode())
    return made


def _disk(labels: Labels) -> bool:
    return _DISK.fullmatch(labels["device"]) is not None


def _network(labels: Labels) -> bool:
    return labels["device"] != "lo" and not labels["device"].startswith(_VIRTUAL)


def _root(labels: Labels) -> bool:
    return labels["mountpoint"] == "/" and labels["fstype"] not in _NOT_ROOT


def test_node_exporter() -> None:
    """Each of the 46 fields of node_exporter's snapshot is the value that stands in the recorded text."""
    series = read_series(_read("node_exporter-1.5.0.prom"))
    expected: dict[str, float | None] = {
        f"cpu_{mode}_seconds": total(series, "node_cpu_seconds_total", lambda labels, mode=mode: labels["mode"] == mode)
        for mode in ("idle", "iowait", "system", "user", "steal")
    }
    expected["cpu_cores"] = len({labels["cpu"] for name, labels, _ in series if name == "node_cpu_seconds_total"})
    memory = {
        "memory_total_bytes": "MemTotal",
        "memory_available_bytes": "MemAvailable",
        "memory_free_bytes": "MemFree",
        "memory_cached_bytes": "Cached",
        "memory_buffers_bytes": "Buffers",
        "memory_active_bytes": "Active",
        "memory_inactive_bytes": "Inactive",
        "swap_total_bytes": "SwapTotal",
        "swap_free_bytes": "SwapFree",
        "swap_cached_bytes": "SwapCached",
    }
    expected |= {field: total(series, f"node_memory_{name}_bytes") for field, name in memory.items()}
    for field, name in (("total", "size"), ("free", "free"), ("available", "avail")):
        expected[f"disk_{field}_bytes"] = total(series, f"node_filesystem_{name}_bytes", _root)
    for name in ("reads_completed_total", "writes_completed_total", "read_bytes_total", "written_bytes_total"):
        expected[f"disk_{name}"] = total(series, f"node_disk_{name}", _disk)
    expected["disk_io_time_seconds_total"] = total(series, "node_disk_io_time_seconds_total", _disk)
    for way in ("receive", "transmit"):
        for what in ("bytes", "packets", "errs", "drop"):
            name = f"network_{way}_{what}_total"
            expected[name] = total(series, f"node_{name}", _network)
        expected[f"network_{way}_bytes"] = expected[f"network_{way}_bytes_total"]
    for minutes, metric in ((1, "node_load1"), (5, "node_load5"), (15, "node_load15")):
        expected[f"load_{minutes}min"] = expected[f"load_average_{minutes}m"] = total(series, metric)
    expected["processes_running"] = total(series, "node_procs_running")
    expected["processes_blocked"] = total(series, "node_procs_blocked")
    expected["processes_total"] = total(series, "node_forks_total")
    expected["uptime_seconds"] = SLOT - (total(series, "node_boot_time_seconds") or 0)
    expected["disk_read_bytes"] = expected["disk_read_bytes_total"]
    expected["disk_write_bytes"] = expected["disk_written_bytes_total"]
    assert None not in expected.values()
    assert len(expected) == 46
    assert _snapshot(node, _read("node_exporter-1.5.0.prom")) == pytest.approx(expected, rel=1e-15)


def test_node_exporter_devices() -> None:
    """Whole physical disks and real interfaces are summed; the overlay root counts where there is no other."""
    made = _snapshot(node, _read("devices.prom"))
    assert made["disk_read_bytes_total"] == 1 + 2 + 4 + 8 + 16 + 32 + 64
    assert made["network_receive_bytes_total"] == 8589934592 + 1
    assert made["disk_total_bytes"] == 50_000_000_000
    assert made["cpu_cores"] == 3
    assert made["cpu_idle_seconds"] == 300.75
    assert made["uptime_seconds"] == 100_000_000
    assert made["load_1min"] is None
    assert made["load_5min"] is None
    assert "load_15min" not in made
    assert "disk_written_bytes_total" not in made


def test_a_real_root_goes_before_the_overlay() -> None:
    """Where / is both a disk and an overlay, the disk's size counts, and only it."""
    root = 'node_filesystem_size_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 9e+10\n'
    assert _snapshot(node, _read("devices.prom") + root)["disk_total_bytes"] == 90_000_000_000


def test_postgres_exporter() -> None:
    """Each field of postgres_exporter's snapshot is the value that stands in the recorded text."""
    series = read_series(_read("postgres_exporter-0.11.1.prom"))
    hit = total(series, "pg_stat_database_blks_hit") or 0
    read = total(series, "pg_stat_database_blks_read") or 0
    expected = {
        "pg_up": 1,
        "pg_connections_active": total(series, "pg_stat_activity_count", lambda labels: labels["state"] == "active"),
        "pg_connections_idle": total(series, "pg_stat_activity_count", lambda labels: labels["state"] == "idle"),
        "pg_connections_max": total(series, "pg_settings_max_connections"),
        "pg_database_size_bytes": total(series, "pg_database_size_bytes"),
        "pg_transactions_committed": total(series, "pg_stat_database_xact_commit"),
        "pg_transactions_rolled_back": total(series, "pg_stat_database_xact_rollback"),
        "pg_cache_hit_ratio": hit / (hit + read),
    }
    assert _snapshot(postgres, _read("postgres_exporter-0.11.1.prom")) == pytest.approx(expected, rel=1e-15)


def test_a_cache_that_was_never_asked_has_no_hit_ratio() -> None:
    """The ratio is left out where hits and reads are both 0: nothing divided by nothing is no ratio."""
    text = "pg_up 1\npg_stat_database_blks_hit 0\npg_stat_database_blks_read 0\n"
    assert _snapshot(postgres, text) == {"pg_up": 1}


def test_redis_exporter() -> None:
    """Each field of redis_exporter's snapshot is the value that stands in the recorded text."""
    series = read_series(_read("redis_exporter-1.45.0.prom"))
    same = (
        *("redis_up", "redis_connected_clients", "redis_blocked_clients", "redis_memory_used_bytes"),
        *("redis_memory_max_bytes", "redis_commands_processed_total", "redis_keyspace_hits_total"),
        *("redis_keyspace_misses_total", "redis_evicted_keys_total", "redis_expired_keys_total"),
        "redis_connected_slaves",
    )
    expected = {name: total(series, name) for name in same}
    expected["redis_keys"] = total(series, "redis_db_keys")
    expected["redis_uptime_seconds"] = total(series, "redis_uptime_in_seconds")
    assert None not in expected.values()
    assert _snapshot(redis, _read("redis_exporter-1.45.0.prom")) == expected
