"""`nodepulse setup`: as a user for himself, and as root in an /etc and a /var/lib of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import Command
from support.plugins import exporter_source

URL = "http://127.0.0.1:1/in"
IN_A_NAMESPACE = """
set -e
mount -t tmpfs tmpfs {layers}
mkdir {layers}/etc {layers}/etc-work {layers}/lib {layers}/lib-work
mount -t overlay overlay -o lowerdir=/etc,upperdir={layers}/etc,workdir={layers}/etc-work /etc
mount -t overlay overlay -o lowerdir=/var/lib,upperdir={layers}/lib,workdir={layers}/lib-work /var/lib
exec "$@"
"""


@pytest.fixture
def user(command: Command) -> Command:
    """Give somebody who is not root, with an exporter of his own installed."""
    command.site.add("exporters", exporters={"app_exporter": "app"}, app=exporter_source("app_exporter"))
    (command.site.path / "sitecustomize.py").write_text("import os\nos.geteuid = lambda: 1000\n")
    return command


def test_a_user_gets_a_configuration_of_his_own(user: Command) -> None:
    """It is in his home, readable by him alone, valid, and lists what is installed; the next step is said."""
    ended = user.run("setup", "--endpoint-url", URL)
    assert ended.returncode == 0, ended.stderr
    path = user.home / ".nodepulse" / "nodepulse.yml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (user.home / ".local/state/nodepulse").stat().st_mode & 0o777 == 0o700
    first, *others = ended.stdout.splitlines()
    assert first.startswith(f"configuration  {path}: app_exporter")
    assert others == [f"state          {user.home}/.local/state/nodepulse", "next           nodepulse start"]
    checked = user.run("config", "check")
    assert checked.returncode == 0
    assert "app_exporter" in checked.stdout


def test_it_can_be_called_again(user: Command) -> None:
    """What is there and says the same stays, comments of the user's included."""
    user.run("setup", "--endpoint-url", URL, "--server-id", "web-1")
    path = user.home / ".nodepulse" / "nodepulse.yml"
    path.write_text(path.read_text() + "# mine\n")
    for same in (["--server-id", "web-1"], []):
        ended = user.run("setup", "--endpoint-url", URL, *same)
        assert ended.returncode == 0
        assert "is there already, and stays as it is" in ended.stdout
    assert path.read_text().endswith("# mine\n")


def test_a_configuration_that_says_otherwise_is_not_replaced(user: Command) -> None:
    """Every difference is named; --force replaces it and keeps the old one, once."""
    user.run("setup", "--endpoint-url", URL)
    path = user.home / ".nodepulse" / "nodepulse.yml"
    old = path.read_text()
    ended = user.run("setup", "--endpoint-url", "http://other/", "--server-id", "web-1")
    assert ended.returncode == 1
    assert f"server.endpoint is {URL}, not http://other/; agent.server_id is not set, not web-1" in ended.stderr
    assert path.read_text() == old
    assert user.run("setup", "--endpoint-url", "http://other/", "--force").returncode == 0
    assert "http://other/" in path.read_text()
    assert path.with_name("nodepulse.yml.bak").read_text() == old
    again = user.run("setup", "--endpoint-url", URL, "--force")
    assert again.returncode == 1
    assert "nodepulse.yml.bak is there already; move it away" in again.stderr


def test_a_wrong_configuration_is_said(user: Command) -> None:
    """A file that is there and cannot be read as one is left alone, with its problems; status 78."""
    path = user.configure("server: {}\n")
    ended = user.run("--config", str(path), "setup", "--endpoint-url", URL)
    assert ended.returncode == 78
    assert "nodepulse.yml:1:" in ended.stderr
    assert path.read_text() == "server: {}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '--endpoint-url'"),
        (["--endpoint-url", "dashboard"], "Invalid value for '--endpoint-url'"),
        (["--endpoint-url", URL, "--server-id", "-x-"], "Invalid value for '--server-id'"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_made(user: Command, arguments: list[str], said: str) -> None:
    """A URL or an id that is none is wrong usage, status 2."""
    ended = user.run("setup", *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert not (user.home / ".nodepulse").exists()


def test_the_named_configuration_is_written(user: Command) -> None:
    """--config says where; the next step names it too."""
    path = user.home / "etc" / "n.yml"
    ended = user.run("--config", str(path), "setup", "--endpoint-url", URL, "--server-id", "web-1")
    assert path.exists()
    assert f"next           nodepulse --config {path} start" in ended.stdout
    assert 'server_id: "web-1"' in path.read_text()


def test_a_place_that_cannot_be_made_is_said(user: Command) -> None:
    """The error names it, and why."""
    (user.home / ".nodepulse").write_text("a file")
    ended = user.run("setup", "--endpoint-url", URL)
    assert ended.returncode == 1
    assert f"cannot make {user.home}/.nodepulse: File exists" in ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make users, here in an /etc of the test's own")
def test_root_makes_the_user_and_the_shared_places(command: Command) -> None:
    """The user nodepulse, its configuration (0640, root:nodepulse), and its state directory (0700, its own)."""
    layers = command.home / "layers"
    layers.mkdir()
    script = (
        'python=$1; for again in 1 2; do "$python" -m nodepulse_core setup --endpoint-url http://d/ || exit 1; done\n'
        "stat -c '%n %a %U %G' /etc/nodepulse /etc/nodepulse/nodepulse.yml /var/lib/nodepulse\n"
        "getent passwd nodepulse\n"
    )
    inside = ["sh", "-c", IN_A_NAMESPACE.format(layers=layers), "sh", "sh", "-c", script, "sh", sys.executable]
    ran = subprocess.run(
        ["unshare", "--mount", *inside], env=command.environ, capture_output=True, text=True, check=False, cwd="/"
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("configuration  /etc/nodepulse/nodepulse.yml: ")
    assert lines[1:4] == [
        "state          /var/lib/nodepulse",
        "user           nodepulse",
        "next           nodepulse service install",
    ]
    assert lines[4] == "configuration  /etc/nodepulse/nodepulse.yml is there already, and stays as it is"
    assert lines[8:11] == [
        "/etc/nodepulse 750 root nodepulse",
        "/etc/nodepulse/nodepulse.yml 640 root nodepulse",
        "/var/lib/nodepulse 700 nodepulse nodepulse",
    ]
    assert lines[11].endswith(":/var/lib/nodepulse:/usr/sbin/nologin")
    assert not Path("/etc/nodepulse").exists()
