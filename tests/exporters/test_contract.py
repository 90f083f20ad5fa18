"""What holds for every exporter, of this repository and of the examples; a third party's can be held against it too."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import pytest
from nodepulse_core import Entry, HTTPExporter, Snapshot, Target
from nodepulse_core.deliver import SnapshotMaker
from nodepulse_core.exposition import stamp
from nodepulse_core.model import StoredScrape, Window
from support.oracle import EXPOSITIONS

ROOT = Path(__file__).parent.parent.parent
SLOT = 1_800_000_000
INTEGERS_MAY_BE_FRACTIONS = {
    "node_exporter": {
        *(f"cpu_{mode}_seconds" for mode in ("idle", "iowait", "system", "user", "steal")),
        *("load_1min", "load_5min", "load_15min", "load_average_1m", "load_average_5m", "load_average_15m"),
        "disk_io_time_seconds_total",
    },
    "mysql_exporter": set(),
    "nginx_exporter": set(),
    "postgres_exporter": {"pg_cache_hit_ratio"},
    "process_exporter": {"cpu_seconds_total"},
    "redis_exporter": set(),
}
TEXTS = {"process_exporter": {"name"}}
"""Fields that are text, by exporter: they tell the objects of one snapshot from each other."""
NAMES = sorted(INTEGERS_MAY_BE_FRACTIONS)


@pytest.fixture(autouse=True)
def import_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the examples be imported: nothing of them is installed here."""
    for source in ROOT.glob("examples/*/src"):
        monkeypatch.syspath_prepend(source)


def find(name: str) -> Path:
    """Return the folder of the distribution that brings an exporter."""
    folder = f"nodepulse-exporter-{name.removesuffix('_exporter')}"
    (found,) = (path for path in (ROOT / folder, ROOT / "examples" / folder) if path.exists())
    return found


def load(name: str) -> HTTPExporter:
    """Return an exporter through its entry point, as its pyproject.toml states it."""
    project = tomllib.loads((find(name) / "pyproject.toml").read_text())["project"]
    (exporter,) = import_module(project["entry-points"]["nodepulse.exporters"][name]).nodepulse_exporters()
    return exporter


def recorded(name: str) -> str:
    """Return the stamped text that was recorded of an exporter; an example keeps its own."""
    (path,) = [*EXPOSITIONS.glob(f"{name}-*.prom"), *find(name).glob("tests/*.prom")]
    return stamp(path.read_bytes(), SLOT)[0].decode()


def objects(name: str, text: str) -> list[dict[str, Any]]:
    """Return the objects that the wire carries of a text, without their timestamp."""
    exporter = load(name)
    target = Target(name, name, exporter.default_endpoint, interval=15.0, timeout=3.0, payload="snapshot")
    maker = SnapshotMaker(
        read=lambda _: StoredScrape(name, text),
        target={name: target}.get,
        exporter=lambda each: {name: exporter}.get(each.type),
        transform=lambda snapshot, _: snapshot,
    )
    snapshot = maker.make(Entry(Window(SLOT, "contract"), name))
    assert isinstance(snapshot, Snapshot)
    carried = orjson.loads(b"[" + snapshot.json + b"]")
    return [{field: value for field, value in each.items() if field != "timestamp"} for each in carried]


def values(name: str, text: str) -> dict[tuple[str, ...], Any]:
    """Return every number of a snapshot, by the texts of its object and its field."""
    texts = TEXTS.get(name, set())
    return {
        (*(each[text] for text in sorted(texts)), field): value
        for each in objects(name, text)
        for field, value in each.items()
        if field not in texts
    }


def test_every_exporter_is_held_against_it() -> None:
    """No exporter of this repository, and no example of one, is left out."""
    folders = [*ROOT.glob("nodepulse-exporter-*"), *ROOT.glob("examples/nodepulse-exporter-*")]
    assert sorted(f"{folder.name.removeprefix('nodepulse-exporter-')}_exporter" for folder in folders) == NAMES


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
    """Fields that are integers on the wire are integers; else there are fractions and texts where they are due."""
    made = objects(name, recorded(name))
    assert made
    for each in made:
        for field, value in each.items():
            fraction = field in INTEGERS_MAY_BE_FRACTIONS[name]
            kinds = (str,) if field in TEXTS.get(name, set()) else (int, float) if fraction else (int,)
            assert isinstance(value, kinds), f"{field} is {value!r}"


@pytest.mark.parametrize("name", NAMES)
def test_absent_metrics_are_left_out(name: str) -> None:
    """From an exposition without its metrics, an exporter makes no field at all, least of all a zero."""
    assert not any(objects(name, "# HELP other Something else.\nother 1 1800000000000\n"))


@pytest.mark.parametrize("name", NAMES)
def test_each_field_needs_its_own_metric_only(name: str) -> None:
    """Removing one metric's lines removes the fields taken from it, and changes no other."""
    text = recorded(name)
    whole = values(name, text)
    lost_somewhere = set()
    metrics = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}
    for metric in sorted(metrics):
        rest = "".join(line for line in text.splitlines(keepends=True) if line.split("{")[0].split(" ")[0] != metric)
        made = values(name, rest)
        assert made.items() <= whole.items()
        lost_somewhere |= whole.keys() - made.keys()
    assert lost_somewhere == whole.keys()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_it_recognises_its_own_exposition_only(name: str, other: str) -> None:
    """An exporter detects what was recorded of it, and nothing that was recorded of another."""
    assert load(name).detect(recorded(other)) is (name == other)
