"""The plugin against what mysqld_exporter 0.14.0 answered in front of MariaDB 10.11."""

from pathlib import Path

import pytest
from nodepulse_core import HTTPExporter
from nodepulse_core.testing import ExporterSuite
from nodepulse_exporter_mysql import nodepulse_exporters

RECORDED = Path(__file__).with_name("mysqld_exporter-0.14.0.prom")


class TestExporter(ExporterSuite):
    """Everything that the agent relies on."""

    exporter = "mysql_exporter"
    recorded = RECORDED


@pytest.fixture
def exporter() -> HTTPExporter:
    """Give the exporter that the plugin brings."""
    (exporter,) = nodepulse_exporters()
    return exporter


def test_its_fields_are_what_the_exporter_said(exporter: HTTPExporter) -> None:
    """Every field has the value that stands in the recorded text, and is an integer."""
    snapshot = exporter.snapshot(RECORDED.read_text())
    assert snapshot == {
        "mysql_up": 1,
        "mysql_connections": 7,
        "mysql_max_connections": 151,
        "mysql_queries_total": 35,
        "mysql_slow_queries": 6,
        "mysql_table_locks_waited": 0,
        "mysql_innodb_buffer_pool_size": 134_217_728,
        "mysql_innodb_buffer_pool_pages_dirty": 33,
    }
    assert all(type(value) is int for value in snapshot.values())


def test_dirty_pages_of_older_exporters_are_found(exporter: HTTPExporter) -> None:
    """Before 0.12, dirty pages were one state among the buffer pool's pages."""
    pages = 'mysql_global_status_buffer_pool_pages{{state="{}"}} {}\n'
    assert exporter.snapshot(pages.format("data", 7) + pages.format("dirty", 5)) == {
        "mysql_innodb_buffer_pool_pages_dirty": 5
    }


def test_what_is_absent_is_left_out(exporter: HTTPExporter) -> None:
    """A server that is down has no status: only that it is down is sent, and no zero is made up."""
    assert exporter.snapshot("mysql_up 0\n") == {"mysql_up": 0}
    assert exporter.snapshot("redis_up 1\n") == {}
