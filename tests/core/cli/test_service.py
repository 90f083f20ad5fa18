"""`nodepulse service`, with a systemctl that keeps what it is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from nodepulse_core.cli import service as module
from nodepulse_core.cli import systemd
from nodepulse_core.cli.context import Context
from nodepulse_core.errors import ConfigError, NodePulseError
from support.command import Command

GOOD = "server: {endpoint: http://127.0.0.1:1/in}\nexporters: [{name: app, endpoint: http://127.0.0.1:1/}]\n"
SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/asked"
case "$*" in *"$FAIL"*) [ -n "$FAIL" ] && { echo "Unit is masked." >&2; exit 4; } ;; esac
exit 0
"""


class Machine:
    """A machine on which systemd seems to run, and this is root."""

    def __init__(self, home: Path) -> None:
        self.unit = home / "systemd" / "system" / "nodepulse.service"
        self.config = home / "nodepulse.yml"
        self.config.write_text(GOOD)
        self.bin = home / "bin"
        self.booted = home / "booted"

    def run(self, *arguments: str) -> Result:
        """Run a subcommand; errors that the root command would write are raised."""
        context = Context(config=self.config, environ={"HOME": str(self.config.parent)})
        result = CliRunner().invoke(module.service, list(arguments), obj=context, standalone_mode=False)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    @property
    def asked(self) -> list[str]:
        """What systemctl was asked, in order."""
        path = self.bin / "asked"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Give a machine whose files are below a directory of the test."""
    made = Machine(tmp_path)
    made.bin.mkdir()
    made.booted.mkdir()
    (made.bin / "systemctl").write_text(SYSTEMCTL)
    (made.bin / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/bin:/bin")
    monkeypatch.setattr(systemd, "BOOTED", made.booted)
    monkeypatch.setattr(module, "UNIT_PATH", made.unit)
    monkeypatch.setattr(module, "ensure_account", lambda _: (made.config.stat().st_uid, made.config.stat().st_gid))
    monkeypatch.setattr(module, "find_hidden", lambda _: {})
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


def test_install_writes_the_unit_and_enables_it(machine: Machine) -> None:
    """The unit runs this installation on the named configuration; systemd reads it, and starts it at boot."""
    said = machine.run("install").output
    assert f"--config {machine.config} start\n" in machine.unit.read_text()
    assert machine.unit.stat().st_mode & 0o777 == 0o644
    assert machine.asked == ["daemon-reload", "enable nodepulse.service"]
    assert "next: nodepulse service start" in said
    before = machine.unit.read_text()
    machine.run("install")
    assert machine.unit.read_text() == before


def test_install_in_an_image_leaves_the_start_to_its_boot(machine: Machine) -> None:
    """Where systemd does not run, the unit is written and enabled, and nobody is asked to read it."""
    machine.booted.rmdir()
    assert "it starts at boot" in machine.run("install").output
    assert machine.asked == ["enable nodepulse.service"]


def test_a_dry_run_prints_the_unit_and_changes_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit goes to standard output, what speaks against it to standard error; systemctl is not even needed."""
    monkeypatch.setattr(module, "find_hidden", lambda paths: {paths[0]: Path("/home")})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (machine.bin / "systemctl").unlink()
    result = machine.run("install", "--dry-run")
    assert result.stdout.startswith("# Written by `nodepulse service install`")
    assert "the unit hides /home from it" in result.stderr
    assert not machine.unit.exists()


def test_an_installation_that_the_service_cannot_see_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which path is hidden, and what to do; nothing is written."""
    monkeypatch.setattr(module, "find_hidden", lambda _: {Path("/home/me/venv/bin/nodepulse"): Path("/home")})
    with pytest.raises(NodePulseError, match=r"cannot see /home/me/venv/bin/nodepulse(.|\n)*/opt/nodepulse"):
        machine.run("install")
    assert not machine.unit.exists()
    monkeypatch.setattr(module, "find_hidden", lambda _: {machine.config: Path("/home")})
    with pytest.raises(NodePulseError, match=r"hides /home from it; move it to /etc/nodepulse/nodepulse.yml$"):
        machine.run("install")


def test_a_wrong_configuration_is_said_before_anything_is_written(machine: Machine) -> None:
    """All its problems come at once, with status 78; one that is missing is said with the command that writes it."""
    machine.config.write_text(GOOD + "wrong: 1\n")
    with pytest.raises(ConfigError, match="wrong: unknown key"):
        machine.run("install")
    machine.config.unlink()
    with pytest.raises(NodePulseError, match="nodepulse setup --endpoint-url"):
        machine.run("install")
    assert not machine.unit.exists()
    assert machine.asked == []


def test_a_configuration_that_the_service_may_not_read_is_warned_of(machine: Machine) -> None:
    """The command that mends it is said."""
    machine.config.chmod(0o600)
    assert f"chgrp nodepulse {machine.config} && chmod 640" in machine.run("install").stderr
    machine.config.chmod(0o640)
    assert machine.run("install").stderr == ""


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_verbs_are_systemd_s(machine: Machine, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is handed to systemctl; its failure is told with its status, and where to look."""
    machine.run(verb)
    assert machine.asked == [f"{verb} nodepulse.service"]
    monkeypatch.setenv("FAIL", verb)
    with pytest.raises(NodePulseError, match=f"systemctl {verb} nodepulse.service failed with status 4; see: journal"):
        machine.run(verb)


def test_status_is_systemctl_s(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is passed on, and anybody may ask."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("FAIL", "status")
    assert machine.run("status").return_value == 4
    assert machine.asked == ["--no-pager --full status nodepulse.service"]


def test_uninstall_ends_it_and_keeps_the_data(machine: Machine) -> None:
    """It is ended, disabled and removed; a second time there is nothing to do."""
    machine.run("install")
    said = machine.run("uninstall").output
    assert machine.asked[2:] == ["disable --now nodepulse.service", "daemon-reload"]
    assert "/etc/nodepulse, /var/lib/nodepulse and the user nodepulse stay" in said
    assert not machine.unit.exists()
    assert "nothing to do" in machine.run("uninstall").output


def test_a_failing_systemctl_is_quoted(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemctl said is in the error."""
    monkeypatch.setenv("FAIL", "enable")
    with pytest.raises(NodePulseError, match=r"systemctl enable nodepulse.service failed: Unit is masked\."):
        machine.run("install")


@pytest.mark.parametrize("verb", ["install", "uninstall", "start", "stop", "restart"])
def test_who_is_not_root_is_told_so(machine: Machine, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the command with sudo, and nothing is asked of systemctl."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NodePulseError, match=rf"needs root: sudo /\S+ service {verb}"):
        machine.run(verb)
    assert machine.asked == []


@pytest.mark.parametrize("verb", ["start", "status"])
def test_a_machine_without_systemd_is_told_what_else_to_do(
    machine: Machine, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without systemctl, or with one that has nothing to talk to, the error names `nodepulse start`."""
    machine.booted.rmdir()
    with pytest.raises(NodePulseError, match=r"does not run this machine \(a container\?\); run `nodepulse start`"):
        machine.run(verb)
    monkeypatch.setenv("PATH", str(machine.booted))
    with pytest.raises(NodePulseError, match=r"there is no systemctl here.*; run `nodepulse start`"):
        machine.run(verb)


def test_the_command_prints_the_unit_as_a_user_calls_it(command: Command) -> None:
    """`nodepulse service install --dry-run` ends with 0, and its command is an absolute path."""
    ended = command.run("service", "install", "--dry-run")
    assert ended.returncode == 0
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("ExecStart="))
    assert line.startswith("ExecStart=/")
    assert line.endswith(" --config /etc/nodepulse/nodepulse.yml start")
