"""What PostgreSQL is asked, and how the rows become families in postgres_exporter's names and labels.

Each query stands for itself: one that this server or user does not allow leaves its metrics out. All of them read
views of the server's own, and none takes a lock that anyone waits for. A query without a row had no right to any.

Source: https://www.postgresql.org/docs/current/monitoring-stats.html; the metrics of postgres_exporter 0.10 to 0.17.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from attrs import frozen
from nodepulse_core import Family

from nodepulse_exporter_postgres.settings import SETTINGS, read_settings

Labels = dict[str, str]
Row = Mapping[str, Any]
Read = Callable[[Sequence[Row], Labels], list[Family]]

_IDENTITY = ("datid", "datname")
_GAUGES = {"numbackends"}
_COUNTERS = {
    *("blks_hit", "blks_read", "blk_read_time", "blk_write_time", "conflicts", "deadlocks", "stats_reset"),
    *("temp_bytes", "temp_files", "xact_commit", "xact_rollback"),
    *("tup_deleted", "tup_fetched", "tup_inserted", "tup_returned", "tup_updated"),
}


@frozen
class Query:
    """One question: the name of what it collects, its SQL, what is bound to it, and how its rows are read."""

    name: str
    sql: str
    read: Read
    values: tuple[Any, ...] = ()


def _read_view(
    prefix: str, rows: Sequence[Row], labels: Labels, *, suffix: str = "", counters: bool = False
) -> list[Family]:
    """Return a family for each column of a view, whichever its version has; what is NULL is left out."""
    families = []
    for column in rows[0] if rows else ():
        if column not in _IDENTITY:
            series = [
                ({**labels, **_identify(row)}, value) for row in rows if (value := _value(row[column])) is not None
            ]
            help_ = f"{column} of {prefix}"
            if counters or column in _COUNTERS:
                families.append(Family(f"{prefix}_{column}{suffix}", "counter", help_, tuple(series)))
            elif column in _GAUGES:
                families.append(Family(f"{prefix}_{column}{suffix}", "gauge", help_, tuple(series)))
            else:
                families.append(Family(f"{prefix}_{column}{suffix}", "untyped", help_, tuple(series)))
    return families


def _identify(row: Row) -> Labels:
    # The objects that all databases share count as a database without a name.
    return {"datid": str(row["datid"]), "datname": row["datname"] or ""} if "datid" in row else {}


def _value(value: Any) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp()
    return value if isinstance(value, int | float) else None


def _read_gauges(helps: Mapping[str, str], names: Sequence[str], rows: Sequence[Row], labels: Labels) -> list[Family]:
    """Return a gauge for each column that has a help text, with the other columns, by name, as its labels."""
    return [
        Family(
            metric,
            "gauge",
            help_,
            tuple(
                ({**labels, **{name: row[name] for name in names}}, row[metric])
                for row in rows
                if row[metric] is not None
            ),
        )
        for metric, help_ in helps.items()
    ]


def _read_archiver(rows: Sequence[Row], labels: Labels) -> list[Family]:
    (row,) = rows
    kinds = (
        ("archived_count", "counter", "Number of WAL files that have been successfully archived"),
        ("failed_count", "counter", "Number of failed attempts for archiving WAL files"),
        ("last_archive_age", "gauge", "Time in seconds since last WAL segment was successfully archived"),
    )
    return [
        Family(
            f"pg_stat_archiver_{name}",
            "counter" if type_ == "counter" else "gauge",
            help_,
            () if row[name] is None else ((labels, row[name]),),
        )
        for name, type_, help_ in kinds
    ]


def _read_version(rows: Sequence[Row], labels: Labels) -> list[Family]:
    number = rows[0]["number"]
    versions = {"short_version": f"{number // 10000}.{number % 10000}.0", "version": rows[0]["version"]}
    help_ = "Version string as reported by postgres"
    return [Family("pg_static", "untyped", help_, (({**labels, **versions}, 1),))]


_STATES = (
    *("active", "disabled", "fastpath function call"),
    *("idle", "idle in transaction", "idle in transaction (aborted)"),
)
_MODES = (
    *("accessexclusivelock", "accesssharelock", "exclusivelock", "rowexclusivelock", "rowsharelock", "sharelock"),
    *("sharerowexclusivelock", "shareupdateexclusivelock", "sireadlock"),
)

QUERIES = (
    Query(
        "version",
        "SELECT version() AS version, current_setting('server_version_num')::int AS number",
        _read_version,
    ),
    Query("stat_database", "SELECT * FROM pg_stat_database", partial(_read_view, "pg_stat_database")),
    Query(
        "stat_database_conflicts",
        "SELECT * FROM pg_stat_database_conflicts",
        partial(_read_view, "pg_stat_database_conflicts", counters=True),
    ),
    # Asking for the size of a database that one may not connect to is an error, not a NULL.
    Query(
        "database",
        """
        SELECT datname,
            CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
                THEN pg_database_size(oid) END AS pg_database_size_bytes
        FROM pg_database
        """,
        partial(_read_gauges, {"pg_database_size_bytes": "Disk space used by the database"}, ("datname",)),
    ),
    # Who may not see the sessions of others would count only its own.
    Query(
        "stat_activity",
        """
        SELECT d.datname, s.state, count(a.pid) AS pg_stat_activity_count,
            coalesce(max(extract(epoch FROM now() - a.xact_start)), 0)::float8 AS pg_stat_activity_max_tx_duration
        FROM pg_database d
        CROSS JOIN unnest($1::text[]) s(state)
        LEFT JOIN pg_stat_activity a ON a.datid = d.oid AND a.state = s.state
        WHERE pg_has_role('pg_read_all_stats', 'USAGE')
        GROUP BY 1, 2
        """,
        partial(
            _read_gauges,
            {
                "pg_stat_activity_count": "number of connections in this state",
                "pg_stat_activity_max_tx_duration": "max duration in seconds any active transaction has been running",
            },
            ("datname", "state"),
        ),
        (_STATES,),
    ),
    Query(
        "locks",
        """
        SELECT d.datname, m.mode, count(l.mode) AS pg_locks_count
        FROM pg_database d
        CROSS JOIN unnest($1::text[]) m(mode)
        LEFT JOIN pg_locks l ON l.database = d.oid AND lower(l.mode) = m.mode
        GROUP BY 1, 2
        """,
        partial(_read_gauges, {"pg_locks_count": "Number of locks"}, ("datname", "mode")),
        (_MODES,),
    ),
    Query(
        "settings",
        "SELECT name, setting, unit, vartype, short_desc FROM pg_settings WHERE name = ANY($1::text[])",
        read_settings,
        (SETTINGS,),
    ),
    Query(
        "stat_bgwriter",
        "SELECT * FROM pg_stat_bgwriter",
        partial(_read_view, "pg_stat_bgwriter", suffix="_total", counters=True),
    ),
    Query(
        "stat_archiver",
        """
        SELECT archived_count, failed_count,
            extract(epoch FROM now() - last_archived_time)::float8 AS last_archive_age
        FROM pg_stat_archiver
        """,
        _read_archiver,
    ),
)
