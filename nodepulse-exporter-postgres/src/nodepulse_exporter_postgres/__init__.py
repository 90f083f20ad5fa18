"""postgres_exporter: connections, size, transactions and cache hits of a PostgreSQL server.

Metrics as of postgres_exporter 0.10 to 0.17 (https://github.com/prometheus-community/postgres_exporter).
"""

from collections.abc import Iterator

from nodepulse_core import Exporter, Field, HTTPExporter, Integer, Ratio, hookimpl

from nodepulse_exporter_postgres.direct import PostgresCollector

FIELDS: dict[str, str | Field] = {
    "pg_up": Integer("pg_up"),
    "pg_connections_active": Integer('pg_stat_activity_count{state="active"}'),
    "pg_connections_idle": Integer('pg_stat_activity_count{state="idle"}'),
    "pg_connections_max": Integer("pg_settings_max_connections"),
    "pg_database_size_bytes": Integer("pg_database_size_bytes"),
    "pg_transactions_committed": Integer("pg_stat_database_xact_commit"),
    "pg_transactions_rolled_back": Integer("pg_stat_database_xact_rollback"),
    "pg_cache_hit_ratio": Ratio(
        "pg_stat_database_blks_hit", of=("pg_stat_database_blks_hit", "pg_stat_database_blks_read")
    ),
}


@hookimpl
def nodepulse_exporters() -> Iterator[Exporter]:
    """Bring postgres_exporter."""
    yield HTTPExporter(
        "postgres_exporter",
        default_endpoint="http://localhost:9187/metrics",
        default_interval="30s",
        fields=FIELDS,
        collectors=dict.fromkeys(("postgresql", "postgres", "unix"), PostgresCollector()),
        access="a user with the role pg_monitor, for postgres_exporter or to be asked directly",
    )
