"""`nodepulse completion`, and what a Tab then offers."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from support.command import Command
from support.plugins import exporter_source
from support.programs import free_port

CONFIGURATION = """\
server: {endpoint: 'http://127.0.0.1:1/in'}
exporters: [{name: orders_db, endpoint: 'http://127.0.0.1:1/'}, {name: other, endpoint: 'http://127.0.0.1:1/'}]
"""


def complete(command: Command, *words: str) -> list[str]:
    """Return what bash would offer for the last of these words; a Tab says nothing on standard error."""
    asked = {"_NODEPULSE_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    ended = command.run(environ=asked)
    assert ended.stderr == ""
    return [line.partition(",")[2] for line in ended.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_it_prints_is_for_that_shell(command: Command, shell: str) -> None:
    """It asks the command by its variable, and the shell itself finds nothing wrong with it."""
    ended = command.run("completion", shell)
    assert ended.returncode == 0
    assert f"_NODEPULSE_COMPLETE={shell}_complete" in ended.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=ended.stdout, text=True, check=True)


def test_another_shell_is_wrong_usage(command: Command) -> None:
    """The error names those that are known."""
    ended = command.run("completion", "tcsh")
    assert ended.returncode == 2
    assert "'bash', 'zsh', 'fish'" in ended.stderr


def test_commands_and_options_are_offered(command: Command) -> None:
    """Commands of every depth, and the options of each."""
    assert complete(command, "nodepulse", "stat") == ["status"]
    assert {"install", "uninstall"} <= set(complete(command, "nodepulse", "service", ""))
    assert complete(command, "nodepulse", "service", "install", "--d") == ["--dry-run"]


def test_targets_and_exporters_are_offered(command: Command) -> None:
    """A scrape is of a configured target or an installed exporter, none of which is imported for it."""
    command.site.add("mine", exporters={"orders_exporter": "broken"}, broken="raise RuntimeError\n")
    command.configure(CONFIGURATION)
    assert complete(command, "nodepulse", "scrape", "ord") == ["orders_db", "orders_exporter"]
    assert complete(command, "nodepulse", "exporters", "add", "ord") == ["orders_exporter"]


@pytest.mark.parametrize("text", ["server: [", "server: {}\n"])
def test_a_broken_configuration_offers_what_is_installed(command: Command, text: str) -> None:
    """A Tab is no place for an error."""
    command.site.add("mine", exporters={"orders_exporter": "mine"}, mine=exporter_source("orders_exporter"))
    command.configure(text)
    assert complete(command, "nodepulse", "scrape", "ord") == ["orders_exporter"]


def test_without_an_agent_nothing_is_offered_to_remove(command: Command) -> None:
    """Only the running agent knows what was added to it."""
    command.configure(CONFIGURATION + f"api: {{listen: '127.0.0.1:{free_port()}'}}\n")
    assert complete(command, "nodepulse", "exporters", "remove", "") == []
