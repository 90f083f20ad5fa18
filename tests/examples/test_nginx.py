"""The smallest plugin, in front of a real nginx."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from support.environment import Environment
from support.nodepulse import write_config
from support.repository import ROOT

EXAMPLE = ROOT / "examples" / "nodepulse-exporter-nginx"


def test_it_sends_what_nginx_says(environment: Environment, nginx_exporter: str, tmp_path: Path) -> None:
    """A scrape has both fields: nginx is up, and the exporter's own connection is active."""
    config = write_config(tmp_path, "127.0.0.1:1", {"nginx_exporter": nginx_exporter})
    with environment.with_installed("nodepulse-exporter-nginx"):
        scraped = environment.run(environment.nodepulse, "--config", config, "scrape", "nginx_exporter")
    assert scraped.returncode == 0, scraped.stderr
    (snapshot,) = json.loads(scraped.stdout)["nginx_exporter"]
    assert snapshot.keys() == {"timestamp", "nginx_up", "nginx_connections_active"}
    assert snapshot["nginx_up"] == 1
    assert snapshot["nginx_connections_active"] >= 1


def test_it_is_fifteen_lines() -> None:
    """The module and its entry point are fifteen lines at most, and the module is all the code there is."""
    (module,) = EXAMPLE.glob("src/**/*.py")
    entry_points = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    assert entry_points == {"nodepulse.exporters": {"nginx_exporter": module.stem}}
    assert len(module.read_text().splitlines()) + len(["the table", "its line"]) <= 15
