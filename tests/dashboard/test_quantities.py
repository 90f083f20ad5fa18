"""What a field measures, by its name."""

from __future__ import annotations

import pytest
from nodepulse_dashboard.quantities import quantity


@pytest.mark.parametrize(
    ("field", "kind", "unit"),
    [
        ("cpu_user_seconds", "counter", "seconds"),
        ("uptime_seconds", "gauge", "seconds"),
        ("disk_io_time_seconds_total", "counter", "seconds"),
        ("memory_total_bytes", "gauge", "bytes"),
        ("disk_read_bytes_total", "counter", "bytes"),
        ("network_receive_bytes", "counter", "bytes"),
        ("redis_memory_used_bytes", "gauge", "bytes"),
        ("pg_cache_hit_ratio", "gauge", "ratio"),
        ("pg_transactions_committed", "counter", ""),
        ("mysql_queries_total", "counter", ""),
        ("load_1min", "gauge", ""),
        ("bytes", "gauge", "bytes"),
        ("total", "gauge", ""),
        ("kilobytes_", "gauge", ""),
    ],
)
def test_a_name_tells_kind_and_unit(field: str, kind: str, unit: str) -> None:
    """Counters are told from gauges, and the unit is the one at the end of the name."""
    measured = quantity(field)
    assert (measured.kind, measured.unit) == (kind, unit)
