"""`nodepulse config`, as a user calls it: what it says, how it ends, and which files it leaves."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from nodepulse_core.config import make_schema

GOOD = "server: {endpoint: http://127.0.0.1:1/in}\nexporters: [{name: app, endpoint: http://127.0.0.1:1/}]\n"
OLD = "server: {endpoint: http://127.0.0.1:1/in}\n# the exporter\nprometheus: {enabled: false}\n"
SECRET = "hunter2"


class User:
    """Somebody in a directory, with no other configuration than what is there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = home / "nodepulse.yml"

    def run(self, *arguments: str, is_named: bool = True, **environ: str) -> tuple[int, str, str]:
        """Run a command on the file; return its status, and what it wrote, with the directory as `~`."""
        done = subprocess.run(
            [sys.executable, "-m", "nodepulse_core", *(["--config", str(self.file)] if is_named else []), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            env={**os.environ, "HOME": str(self.home), **environ},
        )
        return done.returncode, done.stdout.replace(str(self.home), "~"), done.stderr.replace(str(self.home), "~")

    def write(self, text: str, mode: int = 0o600) -> None:
        """Write the file."""
        self.file.write_text(text)
        self.file.chmod(mode)


@pytest.fixture
def user(tmp_path: Path) -> User:
    """Give a user with an empty directory."""
    return User(tmp_path)


def test_check_says_that_all_is_well(user: User) -> None:
    """One line, with the targets and their types where those differ; status 0."""
    user.write(GOOD)
    assert user.run("config", "check") == (0, "~/nodepulse.yml: all is well; 1 target: app (prometheus)\n", "")


@pytest.mark.parametrize("command", [("config", "check"), ("start",)])
def test_all_that_is_wrong_comes_at_once_and_nothing_starts(user: User, command: tuple[str, ...]) -> None:
    """Also what depends on the installed exporters: one problem a line on standard error, status 78, no file made."""
    user.write(
        "server: {endpoint: x}\nagent: {state_dir: ./state}\nexporters:\n"
        "  - {name: nowhere_exporter}\n"
        "  - {name: app, endpoint: http://127.0.0.1:1/, interval: 1s, timeout: 2s}\nfoo: 1\n"
    )
    status, said, wrong = user.run(*command)
    assert (status, said) == (78, "")
    assert [line.split(": ")[:2] for line in wrong.splitlines()] == [
        ["~/nodepulse.yml:1:10", "server.endpoint"],
        ["~/nodepulse.yml:4:6", "exporters[0].name"],
        ["~/nodepulse.yml:5:62", "exporters[1].timeout"],
        ["~/nodepulse.yml:6:1", "foo"],
    ]
    assert [path.name for path in user.home.iterdir()] == ["nodepulse.yml"]


def test_a_missing_file_is_said(user: User) -> None:
    """With its name, and status 78."""
    assert user.run("config", "check") == (78, "", "~/nodepulse.yml: it cannot be read: No such file or directory\n")


def test_check_warns_of_secrets_that_others_may_read(user: User) -> None:
    """On standard error, without the secret; the status stays 0."""
    user.write(GOOD.replace("}]", f", basic_auth: {{username: u, password: {SECRET}}}}}]"), 0o644)
    status, _, warned = user.run("config", "check")
    assert status == 0
    assert "basic_auth.password: this secret can be read by everybody" in warned
    assert SECRET not in warned


def test_show_prints_values_with_their_origin_and_no_secret(user: User) -> None:
    """As a table for people, as JSON for programs."""
    keys = f", headers: {{X-Token: {SECRET}}}, basic_auth: {{username: u, password: '${{S}}'}}}}]"
    user.write(GOOD.replace("}]", keys).replace("in}", "in, timeout: 1m}"))
    status, table, _ = user.run("config", "show", S=SECRET)
    assert status == 0
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()}
    assert rows["server.timeout"] == ["1m", "~/nodepulse.yml:1:43"]
    assert rows["buffer.max_bytes"] == ["1GiB", "default"]
    assert rows["exporters[0].basic_auth.password"] == ["********", "~/nodepulse.yml:2:111", "(environment)"]
    status, text, _ = user.run("config", "show", "--json", S=SECRET)
    assert {row["path"]: row["value"] for row in json.loads(text)}["exporters[0].headers.X-Token"] == "********"
    assert SECRET not in table + text


def test_schema_prints_the_schema(user: User) -> None:
    """It needs no configuration."""
    status, text, _ = user.run("config", "schema")
    assert status == 0
    assert json.loads(text) == make_schema()


def test_init_writes_a_file_that_is_well_and_keeps_what_is_there(user: User) -> None:
    """For its user only; a second time only with --force."""
    target = user.home / "new" / "np.yml"
    status, said, _ = user.run("config", "init", str(target), "--endpoint", "https://d/in")
    assert (status, said.split(";")[0]) == (0, "wrote ~/new/np.yml")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    user.file = target
    assert user.run("config", "check")[0] == 0
    target.write_text("mine")
    refused = (1, "", "nodepulse: ~/new/np.yml is there already, and stays as it is; --force replaces it\n")
    assert user.run("config", "init", str(target)) == refused
    assert target.read_text() == "mine"
    assert user.run("config", "init", str(target), "--force")[0] == 0
    assert [path.name for path in target.parent.iterdir()] == ["np.yml"]
    assert "mine" not in target.read_text()


def test_init_refuses_what_would_not_load(user: User) -> None:
    """A wrong URL is wrong usage, and nothing is written."""
    status, _, wrong = user.run("config", "init", "--endpoint", "dashboard", is_named=False)
    assert status == 2
    assert "'dashboard' is no URL; write it like" in wrong
    assert list(user.home.iterdir()) == []


def test_init_says_where_it_cannot_write(user: User) -> None:
    """A directory stays one, also with --force, and nothing is left beside it."""
    (user.home / "folder").mkdir()
    status, said, wrong = user.run("config", "init", "folder", "--force", is_named=False)
    assert (status, said, wrong) == (1, "", "nodepulse: cannot write folder: Is a directory\n")
    assert [path.name for path in user.home.iterdir()] == ["folder"]


def test_migrate_prints_and_leaves_the_file(user: User) -> None:
    """Without --write the new form goes to standard output."""
    user.write(OLD)
    new = OLD.replace("prometheus:", "exporters:\n  node_exporter:")
    assert user.run("config", "migrate") == (0, new, "")
    assert user.file.read_text() == OLD


def test_migrate_rewrites_and_keeps_the_old_file(user: User) -> None:
    """Mode and a link that leads to the file stay; a second migration finds nothing to do."""
    user.write(OLD, 0o640)
    real, link = user.file, user.home / "link.yml"
    link.symlink_to(real)
    user.file = link
    assert user.run("config", "migrate", "--write") == (
        0,
        "rewrote ~/nodepulse.yml; the old one is ~/nodepulse.yml.bak\n",
        "",
    )
    assert link.is_symlink()
    assert "exporters:\n  node_exporter: {enabled: false}" in real.read_text()
    assert (user.home / "nodepulse.yml.bak").read_text() == OLD
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert user.run("config", "migrate", "--write") == (0, "", "~/nodepulse.yml is in the present form already\n")


def test_migrate_never_replaces_a_kept_file(user: User) -> None:
    """A FILE.bak that is there is somebody's: nothing is changed."""
    user.write(OLD)
    backup = user.home / "nodepulse.yml.bak"
    backup.write_text("mine")
    status, _, wrong = user.run("config", "migrate", "--write")
    assert (status, wrong) == (1, "nodepulse: ~/nodepulse.yml.bak is there already; move it away, then migrate again\n")
    assert (backup.read_text(), user.file.read_text()) == ("mine", OLD)
