"""PostgreSQL's rows as postgres_exporter's metrics; tests/real compares them with the real one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from nodepulse_core import write_exposition
from nodepulse_exporter_postgres.queries import QUERIES, Query
from nodepulse_exporter_postgres.settings import SETTINGS, read_settings
from support.oracle import read_series

LABELS = {"server": "db:5432"}


def query(name: str) -> Query:
    """Return the query that collects something."""
    (found,) = (query for query in QUERIES if query.name == name)
    return found


def read(name: str, *rows: dict[str, Any]) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the series of each metric that is made of some rows, without the server's label."""
    made: dict[str, list[tuple[dict[str, str], float]]] = {}
    for metric, labels, value in read_series(write_exposition(query(name).read(rows, LABELS))):
        assert labels.pop("server") == "db:5432"
        made.setdefault(metric, []).append((labels, value))
    return made


def types(name: str, *rows: dict[str, Any]) -> dict[str, str]:
    """Return the type of each family."""
    return {family.name: family.type for family in query(name).read(rows, LABELS)}


def test_a_view_gives_a_metric_for_each_of_its_columns() -> None:
    """Whichever columns a version has become metrics, labelled with their database; known ones have their type."""
    row = {"datid": 5, "datname": "app", "numbackends": 3, "xact_commit": 7, "blk_read_time": 0.5, "brand_new": 9}
    app = {"datid": "5", "datname": "app"}
    assert read("stat_database", row) == {
        "pg_stat_database_numbackends": [(app, 3)],
        "pg_stat_database_xact_commit": [(app, 7)],
        "pg_stat_database_blk_read_time": [(app, 0.5)],
        "pg_stat_database_brand_new": [(app, 9)],
    }
    assert types("stat_database", row) == {
        "pg_stat_database_numbackends": "gauge",
        "pg_stat_database_xact_commit": "counter",
        "pg_stat_database_blk_read_time": "counter",
        "pg_stat_database_brand_new": "untyped",
    }


def test_what_is_null_or_no_number_is_left_out() -> None:
    """NULL makes no sample, where upstream writes NaN; a moment is seconds since the epoch."""
    rows = (
        {"datid": 0, "datname": None, "stats_reset": None, "xact_commit": 1, "note": "text"},
        {"datid": 1, "datname": "a", "stats_reset": datetime(2027, 1, 15, 8, tzinfo=UTC), "xact_commit": 2, "note": ""},
    )
    assert read("stat_database", *rows) == {
        "pg_stat_database_stats_reset": [({"datid": "1", "datname": "a"}, 1_800_000_000)],
        "pg_stat_database_xact_commit": [({"datid": "0", "datname": ""}, 1), ({"datid": "1", "datname": "a"}, 2)],
    }


def test_the_background_writers_columns_are_totals() -> None:
    """A view of one row has no labels but the server's, and its metrics the suffix of upstream."""
    assert read("stat_bgwriter", {"buffers_clean": 4}) == {"pg_stat_bgwriter_buffers_clean_total": [({}, 4)]}


def test_sessions_and_locks_are_counted_by_database() -> None:
    """The count of a state or mode carries both as labels; zero is said, since the rows say it."""
    row = {"datname": "a", "state": "idle", "pg_stat_activity_count": 0, "pg_stat_activity_max_tx_duration": 1.5}
    labels = {"datname": "a", "state": "idle"}
    assert read("stat_activity", row) == {
        "pg_stat_activity_count": [(labels, 0)],
        "pg_stat_activity_max_tx_duration": [(labels, 1.5)],
    }
    assert read("locks", {"datname": "a", "mode": "sharelock", "pg_locks_count": 2}) == {
        "pg_locks_count": [({"datname": "a", "mode": "sharelock"}, 2)]
    }


def test_a_size_that_may_not_be_asked_is_left_out() -> None:
    """A database without the right to its size has none, and does not count as empty."""
    rows = ({"datname": "a", "pg_database_size_bytes": 5}, {"datname": "b", "pg_database_size_bytes": None})
    assert read("database", *rows) == {"pg_database_size_bytes": [({"datname": "a"}, 5)]}


def test_an_archiver_that_never_archived_has_no_age() -> None:
    """The age is left out until there is a first segment."""
    row = {"archived_count": 0, "failed_count": 2, "last_archive_age": None}
    assert read("stat_archiver", row) == {
        "pg_stat_archiver_archived_count": [({}, 0)],
        "pg_stat_archiver_failed_count": [({}, 2)],
    }
    assert read("stat_archiver", {**row, "last_archive_age": 3.5})["pg_stat_archiver_last_archive_age"] == [({}, 3.5)]


def test_the_version_is_a_label() -> None:
    """The version stands in full and short."""
    row = {"version": "PostgreSQL 15.18 (Debian)", "number": 150018}
    labels = {"version": "PostgreSQL 15.18 (Debian)", "short_version": "15.18.0"}
    assert read("version", row) == {"pg_static": [(labels, 1)]}


@pytest.mark.parametrize(
    ("setting", "metric", "value"),
    [
        (("max_connections", "100", None, "integer"), "pg_settings_max_connections", 100),
        (("shared_buffers", "16384", "8kB", "integer"), "pg_settings_shared_buffers_bytes", 134_217_728),
        (("work_mem", "4096", "kB", "integer"), "pg_settings_work_mem_bytes", 4_194_304),
        (("max_wal_size", "1024", "MB", "integer"), "pg_settings_max_wal_size_bytes", 1_073_741_824),
        (("wal_segment_size", "16777216", "B", "integer"), "pg_settings_wal_segment_size_bytes", 16_777_216),
        (("checkpoint_timeout", "300", "s", "integer"), "pg_settings_checkpoint_timeout_seconds", 300),
        (("deadlock_timeout", "1000", "ms", "integer"), "pg_settings_deadlock_timeout_seconds", 1),
        (("log_rotation_age", "1440", "min", "integer"), "pg_settings_log_rotation_age_seconds", 86400),
        (("autovacuum_work_mem", "-1", "kB", "integer"), "pg_settings_autovacuum_work_mem_bytes", -1),
        (("random_page_cost", "1.1", None, "real"), "pg_settings_random_page_cost", 1.1),
        (("strange", "3", "parsec", "integer"), "pg_settings_strange", 3),
        (("fsync", "on", None, "bool"), "pg_settings_fsync", 1),
        (("fsync", "off", None, "bool"), "pg_settings_fsync", 0),
    ],
)
def test_settings_are_in_seconds_and_bytes(
    setting: tuple[str, str, str | None, str], metric: str, value: float
) -> None:
    """A setting's unit becomes part of the metric's name and of its value; -1, which means none, stays."""
    row = {**dict(zip(("name", "setting", "unit", "vartype"), setting, strict=True)), "short_desc": "Help."}
    (family,) = read_settings([row], LABELS)
    assert (family.name, family.series) == (metric, ((LABELS, pytest.approx(value, rel=1e-12)),))


def test_a_setting_that_is_text_is_no_metric() -> None:
    """Texts and lists are left out."""
    row = {"name": "x", "setting": "minimal", "unit": None, "vartype": "enum", "short_desc": "Help."}
    assert read_settings([row], LABELS) == []


def test_what_the_snapshot_needs_of_the_settings_is_asked() -> None:
    """The limit of connections is among the settings; none is asked twice."""
    assert "max_connections" in SETTINGS
    assert len(set(SETTINGS)) == len(SETTINGS)
