"""`nodepulse plugins install` and `uninstall`, as far as nothing is installed; tests/examples does that for real."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.command import Command
from support.plugins import exporter_source


def add_redis(command: Command) -> None:
    """Install a fake plugin that a target uses."""
    source = exporter_source("cache_exporter")
    command.site.add("acme-cache", version="3.1", exporters={"cache_exporter": "cache_module"}, cache_module=source)
    command.configure("server: {endpoint: 'http://localhost:1'}\nexporters: [{name: c, type: cache_exporter}]\n")


def test_a_dry_run_prints_the_command_and_runs_nothing(command: Command) -> None:
    """Standard output is the one line that would be run."""
    ended = command.run("plugins", "install", "mysql", "nodepulse-plugin-labels==1", "--dry-run")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (f"{sys.executable} -m pip install nodepulse-exporter-mysql nodepulse-plugin-labels==1\n")


@pytest.mark.parametrize("name", ["--target=/elsewhere", "./here", "https://localhost/x"])
def test_a_name_that_is_an_option_path_or_url_is_wrong_usage(command: Command, name: str) -> None:
    """Nothing is run, and the status is 2."""
    ended = command.run("plugins", "install", "--dry-run", "--", name)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "is no name of a plugin" in ended.stderr


def test_what_an_installer_says_and_its_status_come_through(command: Command, tmp_path: Path) -> None:
    """The command is told first; where pip finds nothing, its own words and status are this command's."""
    (tmp_path / "empty").mkdir()
    ended = command.run("plugins", "install", "nosuchthing", "--no-index", "--find-links", str(tmp_path / "empty"))
    assert ended.returncode == 1
    first, *rest = ended.stderr.splitlines()
    assert first.endswith(f"-m pip install --no-index --find-links {tmp_path / 'empty'} nodepulse-exporter-nosuchthing")
    assert any("No matching distribution found for nodepulse-exporter-nosuchthing" in line for line in rest)
    assert "is there" not in ended.stdout


@pytest.mark.parametrize("name", ["acme-cache", "Acme_Cache", "cache_exporter"])
def test_what_goes_is_said_with_who_uses_it_and_nobody_is_asked_in_a_script(command: Command, name: str) -> None:
    """Without a terminal and --yes nothing is removed; a distribution and its exporter name the same."""
    add_redis(command)
    ended = command.run("plugins", "uninstall", name)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "cache_exporter of acme-cache 3.1, used by c",
        "nodepulse: nobody is there to be asked whether to remove them; say --yes",
    ]
    dry = command.run("plugins", "uninstall", name, "--dry-run")
    assert (dry.returncode, dry.stdout) == (0, f"{sys.executable} -m pip uninstall --yes acme-cache\n")


@pytest.mark.parametrize("name", ["nosuchthing", "nodepulse-core", "click"])
def test_only_plugins_are_removed(command: Command, name: str) -> None:
    """The core, its libraries and what is not there are none, and the plugins that are there are listed."""
    add_redis(command)
    ended = command.run("plugins", "uninstall", "--yes", name)
    assert ended.returncode == 2
    assert f"no plugin {name!r} is installed; installed are: acme-cache, " in ended.stderr


def test_a_removal_that_removes_nothing_is_an_error(command: Command) -> None:
    """Pip ends well over a distribution that it did not install and cannot remove: that is not called removed."""
    add_redis(command)
    ended = command.run("plugins", "uninstall", "--yes", "acme-cache")
    assert ended.returncode == 1
    assert "removed" not in ended.stdout
