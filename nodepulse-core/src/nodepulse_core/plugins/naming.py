"""What a plugin's distribution is called, by convention."""

from __future__ import annotations

_ENDING = "_exporter"


def name_distribution(name: str) -> str:
    """Return the distribution that would bring an exporter: `mysql` or `mysql_exporter` is nodepulse-exporter-mysql."""
    return f"nodepulse-exporter-{name.lower().removesuffix(_ENDING).replace('_', '-')}"
