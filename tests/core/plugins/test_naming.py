"""What the distribution of an exporter is called."""

from __future__ import annotations

import pytest
from nodepulse_core.plugins import name_distribution


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("mysql", "nodepulse-exporter-mysql"),
        ("mysql_exporter", "nodepulse-exporter-mysql"),
        ("aws_rds_exporter", "nodepulse-exporter-aws-rds"),
        ("MySQL", "nodepulse-exporter-mysql"),
    ],
)
def test_a_distribution_is_named_after_its_exporter(name: str, distribution: str) -> None:
    """The short name and the type's name come to the same distribution."""
    assert name_distribution(name) == distribution
