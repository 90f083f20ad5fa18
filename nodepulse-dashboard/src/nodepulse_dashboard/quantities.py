"""What a field measures, told by its name: whether it only ever grows, and its unit.

The names are those of the snapshots that the exporters of section 8 of the wire contract make; any other field is
judged by the endings that Prometheus recommends (https://prometheus.io/docs/practices/naming/).
"""

from __future__ import annotations

import re
from typing import Literal

from attrs import frozen

Kind = Literal["counter", "gauge"]
Unit = Literal["bytes", "seconds", "ratio", "percent", ""]

_COUNTER = re.compile(
    r".+_total"
    r"|cpu_(idle|iowait|system|user|steal)_seconds"
    # Two pairs that node_exporter's snapshot has under a second name.
    r"|(disk_(read|write)|network_(receive|transmit))_bytes"
    r"|pg_transactions_(committed|rolled_back)"
    r"|mysql_(slow_queries|table_locks_waited)"
)
_UNIT = re.compile(r".*?_?(bytes|seconds|ratio|percent)(?:_total)?")


@frozen
class Quantity:
    """What a field measures. A counter is worth reading as its change per second."""

    kind: Kind
    unit: Unit


def quantity(field: str) -> Quantity:
    """Return what a field measures."""
    unit = _UNIT.fullmatch(field)
    return Quantity("counter" if _COUNTER.fullmatch(field) else "gauge", unit[1] if unit else "")  # type: ignore[arg-type] # one of the four
