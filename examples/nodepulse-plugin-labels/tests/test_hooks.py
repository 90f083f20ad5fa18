"""The hooks as the agent calls them."""

import json

import nodepulse_plugin_labels as plugin
import pytest
from click.testing import CliRunner
from nodepulse_plugin_labels.command import make_command
from nodepulse_plugin_labels.tally import Tally

LABELS = {"environment": "production", "role": "database"}


@pytest.fixture(autouse=True)
def labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put labels and a fresh tally where the plugin keeps what it read from the environment."""
    monkeypatch.setattr(plugin, "LABELS", LABELS)
    monkeypatch.setattr(plugin, "TALLY", Tally(LABELS))


def test_labels_are_added_and_change_nothing() -> None:
    """Each object gets the labels; its own fields stay, one of a label's name included, and so does the original."""
    snapshot = {"redis_up": 1, "role": "replica"}
    changed = plugin.nodepulse_transform(snapshot)
    assert changed == {"environment": "production", "role": "replica", "redis_up": 1}
    assert snapshot == {"redis_up": 1, "role": "replica"}


def test_observers_keep_a_tally() -> None:
    """What the agent reports is counted by what it is."""
    plugin.nodepulse_scrape_failed()
    plugin.nodepulse_batch_sent()
    plugin.nodepulse_batch_sent()
    plugin.nodepulse_batch_rejected()
    assert plugin.TALLY.counts == {"scrapes failed": 1, "batches sent": 2, "batches rejected": 1}


def test_the_command_shows_the_labels() -> None:
    """`nodepulse labels` writes one label a line, or a JSON object."""
    (command,) = plugin.nodepulse_commands()
    assert command.name == "labels"
    assert CliRunner().invoke(command).output == "environment=production\nrole=database\n"
    assert json.loads(CliRunner().invoke(command, ["--json"]).output) == LABELS


def test_the_command_says_what_to_do_without_labels() -> None:
    """Where there are no labels, the command says how to set them."""
    assert "NODEPULSE_LABELS=environment=production" in CliRunner().invoke(make_command({})).output
