"""The plugin against what nginx-prometheus-exporter 0.11.0 answered on Debian 12."""

from pathlib import Path

from nodepulse_core.testing import ExporterSuite
from nodepulse_exporter_nginx import nodepulse_exporters

RECORDED = Path(__file__).with_name("nginx_exporter-0.11.0.prom")


class TestExporter(ExporterSuite):
    """Everything that the agent relies on."""

    exporter = "nginx_exporter"
    recorded = RECORDED


def test_its_fields_are_what_the_exporter_said():
    """Every field has the value that stands in the recorded text, whole numbers as integers."""
    (exporter,) = nodepulse_exporters()
    snapshot = exporter.snapshot(RECORDED.read_text())
    assert snapshot == {"nginx_up": 1, "nginx_connections_active": 4}
    assert all(isinstance(value, int) for value in snapshot.values())
