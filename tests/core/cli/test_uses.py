"""Which targets use which exporters, whatever the configuration is like."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.uses import Use, Uses, find_uses
from nodepulse_core.config import AddedTargets

HEAD = "server: {endpoint: 'http://localhost:1'}\nagent: {state_dir: 'STATE'}\n"


def uses(home: Path, text: str | None) -> Uses:
    """Return the uses that a configuration of that text has, in an empty home."""
    path = home / "nodepulse.yml"
    if text is not None:
        path.write_text(text.replace("STATE", str(home / "state")))
    named = {} if text is None else {"NODEPULSE_CONFIG": str(path)}
    return find_uses(Context(None, {"HOME": str(home), **named}))


def test_targets_are_uses_of_their_types(tmp_path: Path) -> None:
    """Enabled targets ask for their type, else for their name; one with an endpoint and no type works without."""
    found = uses(
        tmp_path,
        f"{HEAD}exporters:\n"
        "  - {name: a_exporter}\n"
        "  - {name: orders, type: a_exporter, endpoint: 'http://localhost:2'}\n"
        "  - {name: app, endpoint: 'http://localhost:3'}\n"
        "  - {name: raw, type: prometheus, endpoint: 'http://localhost:4'}\n"
        "  - {name: off_exporter, enabled: false}\n",
    )
    assert found == Uses(
        (
            Use("a_exporter", "a_exporter", optional=False),
            Use("orders", "a_exporter", optional=False),
            Use("app", "app", optional=True),
        )
    )
    assert found.by_type() == {"a_exporter": ["a_exporter", "orders"], "app": ["app"]}


def test_what_was_added_at_run_time_is_a_use(tmp_path: Path) -> None:
    """Targets that the agent keeps count as those of the file do."""
    added = AddedTargets(tmp_path / "state")
    added.keep("cache", {"name": "cache", "type": "redis_exporter"})
    added.keep("app", {"name": "app", "endpoint": "http://localhost:3"})
    found = uses(tmp_path, f"{HEAD}exporters: [{{name: a_exporter}}]\n")
    assert set(found.uses) == {
        Use("a_exporter", "a_exporter", optional=False),
        Use("cache", "redis_exporter", optional=False),
        Use("app", "app", optional=True),
    }


@pytest.mark.parametrize(("text", "unknown"), [("exporters: [", "it is not YAML"), (None, "")])
def test_a_configuration_that_cannot_be_read_is_no_error(tmp_path: Path, text: str | None, unknown: str) -> None:
    """What is no YAML is said to be unknown; none at all has no uses and nothing to say."""
    found = uses(tmp_path, text)
    assert found.uses == ()
    assert unknown in (found.unknown or "")
    assert bool(found.unknown) is bool(unknown)


def test_added_targets_that_cannot_be_read_hide_no_declared_ones(tmp_path: Path) -> None:
    """A damaged file of the agent is said; the configuration's own targets are known."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "targets.json").write_text("no")
    found = uses(tmp_path, f"{HEAD}exporters: [{{name: a_exporter}}]\n")
    assert found.by_type() == {"a_exporter": ["a_exporter"]}
    assert "targets.json holds no list of targets" in str(found.unknown)
