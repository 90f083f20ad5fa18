"""The configuration that `config init` writes: it loads, and what its comments say is true."""

from __future__ import annotations

import re

import pytest
from core.config.cases import load_text, target
from nodepulse_core.config import show, starter, write_found


@pytest.mark.parametrize("exporters", [[], ["node_exporter"], ["node_exporter", "redis_exporter"]])
def test_it_loads_as_it_is_written(exporters: list[str]) -> None:
    """Each installed exporter is a target; where none is installed, a generic one."""
    loaded = load_text(starter("https://d/in?a=\"b\"&c='d'", [(name, None, None) for name in exporters]))
    assert loaded.problems == ()
    assert loaded.settings.server.endpoint == "https://d/in?a=\"b\"&c='d'"
    assert [each.name for each in target(loaded).targets] == (exporters or ["node_exporter"])


def test_what_is_commented_out_loads_and_is_the_default() -> None:
    """A line that is a key in a comment can be made one, and says the key's default, if it has one."""
    text = starter("http://d/", [("node_exporter", None, None)])
    without = re.sub(r"^(\s*)# ?(?=\s*(- )?[a-z_]+:( |$))", r"\1", text, flags=re.MULTILINE)
    assert without.count("#") < text.count("#") - 8
    plain = {row.path: row for row in show(load_text(text))}
    full = {row.path: row for row in show(load_text(without))}
    assert load_text(without).problems == ()
    said = {path: row.value for path, row in full.items() if row.origin != "default" and path in plain}
    assert set(said) >= {
        "server.timeout",
        "agent.interval",
        "buffer.retention_hours",
        "buffer.max_bytes",
        "logging.level",
    }
    defaults = {path: plain[path].value for path in said if plain[path].value is not None}
    assert {path: said[path] for path in defaults} == defaults


def test_what_was_found_can_be_pasted() -> None:
    """Name, type where it is another, and endpoint of each target are those that were given."""
    listed = [
        ("node_exporter", "node_exporter", "http://127.0.0.1:9100/metrics"),
        ("redis_exporter_9122", "redis_exporter", "http://[::1]:9122/metrics"),
        ("port_9256", "prometheus", "http://127.0.0.1:9256/a?b='c'"),
    ]
    made = target(load_text("server: {endpoint: http://d/}\n" + write_found(listed))).targets
    assert [(each.name, each.type, each.endpoint) for each in made] == listed
