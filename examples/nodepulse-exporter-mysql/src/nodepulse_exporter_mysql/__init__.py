"""mysql_exporter: connections, queries, locks and buffer pool of a MySQL or MariaDB server.

Metrics as of mysqld_exporter 0.9 and later (https://github.com/prometheus/mysqld_exporter).
"""

from collections.abc import Iterator

from nodepulse_core import Exporter, Field, First, HTTPExporter, Integer, hookimpl

FIELDS: dict[str, str | Field] = {
    "mysql_up": Integer("mysql_up"),
    "mysql_connections": Integer("mysql_global_status_threads_connected"),
    "mysql_max_connections": Integer("mysql_global_variables_max_connections"),
    "mysql_queries_total": Integer("mysql_global_status_queries"),
    "mysql_slow_queries": Integer("mysql_global_status_slow_queries"),
    "mysql_table_locks_waited": Integer("mysql_global_status_table_locks_waited"),
    "mysql_innodb_buffer_pool_size": Integer("mysql_global_variables_innodb_buffer_pool_size"),
    # mysqld_exporter 0.12 gave dirty pages a metric of their own.
    "mysql_innodb_buffer_pool_pages_dirty": Integer(
        First(
            "mysql_global_status_buffer_pool_dirty_pages",
            'mysql_global_status_buffer_pool_pages{state="dirty"}',
        )
    ),
}


@hookimpl
def nodepulse_exporters() -> Iterator[Exporter]:
    """Bring mysql_exporter."""
    yield HTTPExporter(
        "mysql_exporter",
        default_endpoint="http://localhost:9104/metrics",
        default_interval="30s",
        fields=FIELDS,
    )
