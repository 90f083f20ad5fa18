"""The plugin against what nginx-prometheus-exporter 0.11.0 answered on Debian 12."""

from pathlib import Path

from nodepulse_exporter_nginx import nodepulse_exporters

RECORDED = Path(__file__).with_name("nginx_exporter-0.11.0.prom").read_text()


def test_it_is_named_as_its_entry_point():
    """The exporter bears the name under which it is configured."""
    (exporter,) = nodepulse_exporters()
    assert exporter.name == "nginx_exporter"


def test_its_fields_are_what_the_exporter_said():
    """Every field has the value that stands in the recorded text, whole numbers as integers."""
    (exporter,) = nodepulse_exporters()
    snapshot = exporter.snapshot(RECORDED)
    assert snapshot == {"nginx_up": 1, "nginx_connections_active": 4}
    assert all(isinstance(value, int) for value in snapshot.values())


def test_it_knows_its_exporter():
    """The recorded text is recognised, another exporter's is not, and nothing is made of what is not there."""
    (exporter,) = nodepulse_exporters()
    assert exporter.detect(RECORDED)
    assert not exporter.detect("redis_up 1\n")
    assert exporter.snapshot("redis_up 1\n") == {}
