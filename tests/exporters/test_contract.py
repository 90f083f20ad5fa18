"""What holds for every exporter of this repository; a third party's can be held against the same."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import pytest
from nodepulse_core import HTTPExporter
from nodepulse_core.exposition import stamp
from support.oracle import EXPOSITIONS

ROOT = Path(__file__).parent.parent.parent
SLOT = 1_800_000_000
INTEGERS_MAY_BE_FRACTIONS = {
    "node_exporter": {
        *(f"cpu_{mode}_seconds" for mode in ("idle", "iowait", "system", "user", "steal")),
        *("load_1min", "load_5min", "load_15min", "load_average_1m", "load_average_5m", "load_average_15m"),
        "disk_io_time_seconds_total",
    },
    "postgres_exporter": {"pg_cache_hit_ratio"},
    "redis_exporter": set(),
}
NAMES = sorted(INTEGERS_MAY_BE_FRACTIONS)


def load(name: str) -> HTTPExporter:
    """Return an exporter through its entry point, as its pyproject.toml states it."""
    project = ROOT / f"nodepulse-exporter-{name.removesuffix('_exporter')}" / "pyproject.toml"
    entry_points = tomllib.loads(project.read_text())["project"]["entry-points"]["nodepulse.exporters"]
    (exporter,) = import_module(entry_points[name]).nodepulse_exporters()
    return exporter


def recorded(name: str) -> str:
    """Return the stamped text that was recorded of an exporter."""
    (path,) = EXPOSITIONS.glob(f"{name}-*.prom")
    return stamp(path.read_bytes(), SLOT)[0].decode()


def snapshot(name: str) -> dict[str, Any]:
    """Return the snapshot of what was recorded of an exporter."""
    made = load(name).snapshot(recorded(name))
    assert isinstance(made, dict)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_it_is_named_as_its_entry_point(name: str) -> None:
    """An exporter's name is its entry point's, and its default endpoint ends in /metrics."""
    exporter = load(name)
    assert exporter.name == name
    assert exporter.default_endpoint.startswith("http://localhost:")
    assert exporter.default_endpoint.endswith("/metrics")
    assert exporter.default_interval >= 1


@pytest.mark.parametrize("name", NAMES)
def test_its_snapshot_is_strict_json_with_integers(name: str) -> None:
    """Fields that are integers on the wire are integers; nothing else than numbers and null is there."""
    made = orjson.loads(orjson.dumps(snapshot(name)))
    for field, value in made.items():
        kinds = (int, float) if field in INTEGERS_MAY_BE_FRACTIONS[name] else (int,)
        assert isinstance(value, kinds), f"{field} is {value!r}"


@pytest.mark.parametrize("name", NAMES)
def test_absent_metrics_are_left_out(name: str) -> None:
    """From an exposition without its metrics, an exporter makes no field at all, least of all a zero."""
    assert load(name).snapshot("# HELP other Something else.\nother 1 1800000000000\n") == {}


@pytest.mark.parametrize("name", NAMES)
def test_each_field_needs_its_own_metric_only(name: str) -> None:
    """Removing one metric's lines removes the fields taken from it, and changes no other."""
    text, whole = recorded(name), snapshot(name)
    lost_somewhere = set()
    metrics = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}
    for metric in sorted(metrics):
        rest = "".join(line for line in text.splitlines(keepends=True) if line.split("{")[0].split(" ")[0] != metric)
        made = load(name).snapshot(rest)
        assert isinstance(made, dict)
        assert made.items() <= whole.items()
        lost_somewhere |= whole.keys() - made.keys()
    assert lost_somewhere == whole.keys()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_it_recognises_its_own_exposition_only(name: str, other: str) -> None:
    """An exporter detects what was recorded of it, and nothing that was recorded of another."""
    assert load(name).detect(recorded(other)) is (name == other)
