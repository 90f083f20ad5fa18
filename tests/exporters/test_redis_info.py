"""INFO of Redis as redis_exporter's metrics, against numbers that stand in recorded answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodepulse_core import Family, write_exposition
from nodepulse_core.exposition import stamp
from nodepulse_exporter_redis import nodepulse_exporters
from nodepulse_exporter_redis.info import read_info
from support.oracle import read_series

INFO = Path(__file__).parent.parent / "fixtures" / "info"
PRIMARY = (INFO / "redis-7.0.15-primary.txt").read_text()
REPLICA = (INFO / "redis-7.0.15-replica.txt").read_text()
SLOT = 1_800_000_000


def said(text: str, key: str) -> str:
    """Return what INFO says under a key."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"{key}:"))
    return line.partition(":")[2]


def value(text: str, metric: str, **labels: str) -> float:
    """Return the one value of a metric with these labels."""
    series = read_series(write_exposition(read_info(text)))
    (only,) = [value for name, has, value in series if name == metric and labels.items() <= has.items()]
    return only


def snapshot(text: str) -> dict[str, object]:
    """Return the snapshot of an answer."""
    (exporter,) = nodepulse_exporters()
    made = exporter.snapshot(stamp(write_exposition(read_info(text)).encode(), SLOT)[0].decode())
    assert isinstance(made, dict)
    return made


def test_every_field_of_the_snapshot_is_there() -> None:
    """The 13 fields are what INFO says, the keys summed over the databases."""
    assert snapshot(PRIMARY) == {
        "redis_up": 1,
        "redis_connected_clients": int(said(PRIMARY, "connected_clients")),
        "redis_blocked_clients": 0,
        "redis_memory_used_bytes": int(said(PRIMARY, "used_memory")),
        "redis_memory_max_bytes": 104_857_600,
        "redis_commands_processed_total": int(said(PRIMARY, "total_commands_processed")),
        "redis_keyspace_hits_total": 1,
        "redis_keyspace_misses_total": 1,
        "redis_evicted_keys_total": 0,
        "redis_expired_keys_total": 0,
        "redis_keys": 3,
        "redis_connected_slaves": 1,
        "redis_uptime_seconds": int(said(PRIMARY, "uptime_in_seconds")),
    }


def test_a_server_without_keys_has_none() -> None:
    """INFO lists no database that is empty: there are no keys, and the field says so."""
    empty = "\n".join(line for line in PRIMARY.splitlines() if not line.startswith("db"))
    assert snapshot(empty)["redis_keys"] == 0


@pytest.mark.parametrize(
    ("metric", "labels", "expected"),
    [
        ("redis_db_keys", {"db": "db0"}, 2),
        ("redis_db_keys", {"db": "db3"}, 1),
        ("redis_db_keys_expiring", {"db": "db0"}, 1),
        ("redis_db_avg_ttl_seconds", {"db": "db0"}, 898.763),
        ("redis_errors_total", {"err": "ERR"}, 1),
        ("redis_commands_total", {"cmd": "set"}, 3),
        ("redis_aof_last_write_status", {}, 1),
        ("redis_memory_used_lua_bytes", {}, 32768),
        ("redis_instance_info", {"redis_version": "7.0.15", "role": "master", "tcp_port": "16399"}, 1),
        ("redis_connected_slave_offset_bytes", {"slave_ip": "127.0.0.1", "slave_port": "16398"}, 80),
        ("redis_connected_slave_lag_seconds", {"slave_state": "online"}, 0),
    ],
)
def test_each_kind_of_line_is_read(metric: str, labels: dict[str, str], expected: float) -> None:
    """Databases, commands, errors, replicas and conditions become redis_exporter's series, in its units."""
    assert value(PRIMARY, metric, **labels) == expected


def test_units_are_seconds() -> None:
    """Microseconds of INFO are seconds, as the metric's name says."""
    spent = int(said(PRIMARY, "cmdstat_set").partition("usec=")[2].partition(",")[0])
    assert value(PRIMARY, "redis_commands_duration_seconds_total", cmd="set") == spent / 1e6
    assert value(PRIMARY, "redis_latency_percentiles_usec_sum", cmd="set") == spent
    began = int(said(PRIMARY, "server_time_usec")) // 1_000_000 - int(said(PRIMARY, "uptime_in_seconds"))
    assert value(PRIMARY, "redis_start_time_seconds") == began


def test_a_replica_names_its_master() -> None:
    """A replica's link, offset and delay carry its master's address."""
    labels = {"master_host": "127.0.0.1", "master_port": "16399"}
    assert value(REPLICA, "redis_master_link_up", **labels) == 1
    assert value(REPLICA, "redis_slave_repl_offset", **labels) == int(said(REPLICA, "slave_repl_offset"))
    assert value(REPLICA, "redis_slave_info", read_only="1", **labels) == 1
    assert value(REPLICA.replace("master_link_status:up", "master_link_status:down"), "redis_master_link_up") == 0


def test_what_a_version_does_not_say_is_left_out() -> None:
    """From an old or managed server come only the metrics that it gives, least of all zeros."""
    names = {family.name for family in read_info("# Server\nredis_version:4.0.14\nused_memory:5\n") if family.series}
    keys = {"redis_db_keys", "redis_db_keys_expiring"}
    assert names == {"redis_up", "redis_instance_info", "redis_memory_used_bytes", *keys}


@pytest.mark.parametrize("text", ["", "used_memory:a lot\n", "db0:keys\n", "slave0:ip=1\n", "cmdstat_get:\n", "x\n"])
def test_what_cannot_be_read_is_left_out(text: str) -> None:
    """A line that says nothing we know makes no metric, and no error."""
    assert [family.name for family in read_info(text) if _says(family)] == ["redis_up", "redis_instance_info"]


def _says(family: Family) -> bool:
    return bool(family.series) and not family.name.startswith("redis_db_keys")
