"""The systemd unit: valid, hardened, and about the right command."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from nodepulse_core.cli.unit import find_hidden, make_unit, quote
from support.programs import need

COMMAND = ["/bin/true", "--config", "/etc/nodepulse/nodepulse.yml", "start"]
DOCUMENT = Path(__file__).parents[3] / "docs" / "service.md"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Give the unit as a file."""
    path = tmp_path / "nodepulse.service"
    path.write_text(make_unit(COMMAND))
    return path


def test_systemd_finds_nothing_wrong_with_it(unit: Path) -> None:
    """`systemd-analyze verify` passes without a word."""
    need("systemd-analyze")
    said = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_it_is_exposed_as_little_as_the_documentation_says(unit: Path) -> None:
    """`systemd-analyze security` gives no more than the documentation says, which is below 2 of 10."""
    need("systemd-analyze")
    asked = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    found = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert found
    documented = re.search(r"exposure level \*\*([0-9.]+)\*\*", DOCUMENT.read_text())
    assert documented
    assert float(found[1]) <= float(documented[1]) < 2


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "NotifyAccess=main",
        "WatchdogSec=30",
        "RestartPreventExitStatus=78",
        "User=nodepulse",
        "StateDirectory=nodepulse",
        "ConfigurationDirectory=nodepulse",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "TimeoutStopSec=8",
        "ExecStart=/bin/true --config /etc/nodepulse/nodepulse.yml start",
    ],
)
def test_it_says_what_the_agent_relies_on(unit: Path, line: str) -> None:
    """Notification, watchdog, user, directories, reload, and an end that outlasts the last delivery."""
    assert line in unit.read_text().splitlines()


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/opt/nodepulse/bin/nodepulse", "/opt/nodepulse/bin/nodepulse"),
        ("/srv/our files/n.yml", '"/srv/our files/n.yml"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ('say "no\\"', '"say \\"no\\\\\\""'),
        ("", '""'),
    ],
)
def test_words_are_quoted_as_systemd_reads_them(word: str, written: str) -> None:
    """A word that systemd would split or expand stands in quotes."""
    assert quote(word) == written


def test_what_home_directories_hide_is_found(tmp_path: Path) -> None:
    """Paths below a hidden directory are found, also behind a symbolic link; others are not."""
    link = tmp_path.resolve() / "link"
    link.symlink_to("/root/venv/bin/python")
    found = find_hidden([Path("/home/me/venv/bin/nodepulse"), Path("/opt/x"), Path("/homeless/x"), link])
    assert set(found) == {Path("/home/me/venv/bin/nodepulse"), link}
    assert found[Path("/home/me/venv/bin/nodepulse")] == Path("/home")


def test_the_command_survives_a_shell_like_reading() -> None:
    """Words without expansions are read back as they were."""
    words = ["/opt/a b/nodepulse", "--config", "/etc/x y.yml", "start"]
    (line,) = (line for line in make_unit(words).splitlines() if line.startswith("ExecStart="))
    assert shlex.split(line.removeprefix("ExecStart=")) == words
