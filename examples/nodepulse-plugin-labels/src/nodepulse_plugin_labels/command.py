"""`nodepulse labels`: which labels are added."""

import json
from collections.abc import Mapping

import click

from nodepulse_plugin_labels.labels import VARIABLE


def make_command(labels: Mapping[str, str]) -> click.Command:
    """Return the command for these labels."""

    @click.command("labels")
    @click.option("--json", "as_json", is_flag=True, help="A JSON object.")
    def show(*, as_json: bool) -> None:
        """Show the labels that are added to everything sent."""
        if as_json:
            click.echo(json.dumps(labels))
        elif labels:
            click.echo("\n".join(f"{name}={value}" for name, value in labels.items()))
        else:
            click.echo(f"no labels; set some: {VARIABLE}=environment=production,role=database")

    return show
