"""Labels: what a machine is, added to everything that it sends.

    NODEPULSE_LABELS="environment=production,role=database" nodepulse start

One hook of each kind: a transform adds the labels, observers keep a tally, and `nodepulse labels` shows them.
"""

import os
from collections.abc import Iterator
from typing import Any

import click
from nodepulse_core import hookimpl

from nodepulse_plugin_labels.command import make_command
from nodepulse_plugin_labels.labels import VARIABLE, parse_labels
from nodepulse_plugin_labels.tally import Tally

# Read once, when the plugin is loaded: if it is wrong, `plugins list --load` says so and the agent runs without labels.
LABELS = parse_labels(os.environ.get(VARIABLE, ""))
TALLY = Tally(LABELS)


@hookimpl
def nodepulse_transform(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Add the labels; a field of the same name stays what the exporter says."""
    return LABELS | snapshot


@hookimpl
def nodepulse_scrape_failed() -> None:
    """Count a slot that got no scrape."""
    TALLY.warn("scrapes failed")


@hookimpl
def nodepulse_batch_sent() -> None:
    """Count a batch that was delivered."""
    TALLY.count("batches sent")


@hookimpl
def nodepulse_batch_rejected() -> None:
    """Count a batch that was refused for good."""
    TALLY.warn("batches rejected")


@hookimpl
def nodepulse_commands() -> Iterator[click.Command]:
    """Bring `nodepulse labels`."""
    yield make_command(LABELS)
