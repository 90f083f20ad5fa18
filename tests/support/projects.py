"""Source trees of plugins, written where a test wants them."""

from __future__ import annotations

import itertools
from pathlib import Path

from nodepulse_core.testing.project import Project, read_project

GOOD = """
from nodepulse_core import HTTPExporter, Integer, hookimpl

@hookimpl
def nodepulse_exporters():
    yield HTTPExporter(
        "shop_exporter",
        default_endpoint="http://localhost:9150/metrics",
        fields={"orders_total": Integer("shop_orders_total"), "queue_seconds": "shop_queue_seconds"},
    )
"""
TEXT = 'shop_orders_total{channel="web"} 5\nshop_orders_total{channel="phone"} 2\nshop_queue_seconds 0.25\n'
README = "`pip install nodepulse-exporter-shop` brings shop_exporter: orders_total, queue_seconds\n"
_numbers = itertools.count()


def write_project(home: Path, source: str = GOOD, *, text: str | None = TEXT, readme: str | None = README) -> Project:
    """Write a project of one exporter, `shop_exporter`; what is left out is as it should be."""
    module = f"nodepulse_exporter_shop_{next(_numbers)}"  # one process imports a module once
    folder = home / module
    (folder / "src").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "src" / f"{module}.py").write_text(source)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "nodepulse-exporter-shop"\nversion = "1.0"\n'
        f'[project.entry-points."nodepulse.exporters"]\nshop_exporter = "{module}"\n'
    )
    if text is not None:
        (folder / "tests" / "shop_exporter.prom").write_text(text)
    if readme is not None:
        (folder / "README.md").write_text(readme)
    return read_project(folder)
