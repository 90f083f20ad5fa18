"""`nodepulse plugins`: the group, with all its commands."""

from __future__ import annotations

from support.command import Command


def test_the_group_shows_its_commands(command: Command) -> None:
    """Help names every command that there is, and imports no plugin for it."""
    ended = command.run("plugins", "--help")
    assert ended.returncode == 0
    assert {"list", "show"} <= {line.split()[0] for line in ended.stdout.splitlines() if line.startswith("  ")}
