"""`nodepulse plugins new`: a source tree that is whole, and never in the way of one that is there."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from nodepulse_core import __version__
from nodepulse_core.cli.plugins_new import read_name
from nodepulse_core.errors import UsageError
from support.command import Command
from support.plugins import exporter_source

TREE = """\
nodepulse-exporter-mail-queue/
  .gitignore
  README.md
  pyproject.toml
  src/
    nodepulse_exporter_mail_queue/
      __init__.py
      py.typed
  tests/
    mail_queue_exporter.prom
    test_mail_queue.py
"""
FOLDER = "nodepulse-exporter-mail-queue"


@pytest.mark.parametrize("name", ["mail_queue", "mail_queue_exporter"])
def test_the_tree_is_shown_and_made(name: str, command: Command) -> None:
    """What is printed is what is there; the last line says how to go on."""
    ended = command.run("plugins", "new", name)
    assert (ended.returncode, ended.stderr) == (0, "")
    said, _, following = ended.stdout.partition("\nnext: ")
    assert said == f"made:\n{TREE}"
    assert following == f"cd {FOLDER} && pip install -e '.[test]' && pytest && nodepulse plugins check .\n"
    made = {
        str(path.relative_to(command.home / FOLDER)) for path in (command.home / FOLDER).rglob("*") if path.is_file()
    }
    assert len(made) == 7
    assert all(path.rpartition("/")[2] in TREE for path in made)


def test_a_dry_run_makes_nothing(command: Command) -> None:
    """The tree is printed, and nothing is there."""
    before = sorted(command.home.iterdir())
    ended = command.run("plugins", "new", "mail_queue", "--dry-run")
    assert ended.stdout == f"would make:\n{TREE}"
    assert sorted(command.home.iterdir()) == before


def test_it_passes_its_own_tests_and_every_check(command: Command) -> None:
    """Untouched, its tests pass, the check passes, and ruff and mypy have nothing to say.

    tests/tutorial/ has it installed by pip, as an author does.
    """
    command.run("plugins", "new", "mail_queue", "--path", "somewhere")
    folder = command.home / "somewhere" / FOLDER
    checked = command.run("plugins", "check", str(folder))
    assert checked.returncode == 0, checked.stdout
    info = command.site.path / "nodepulse_exporter_mail_queue-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nodepulse-exporter-mail-queue\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "[nodepulse.exporters]\nmail_queue_exporter = nodepulse_exporter_mail_queue\n"
    )
    path = os.pathsep.join([str(command.site.path), str(folder / "src")])
    for tool in (
        ["pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestDeprecationWarning"],
        [
            "ruff",
            "check",
            "--isolated",
            "--no-cache",
            "--select",
            "E,F,B,D,I,N,UP,SIM,RUF,ANN",
            "--ignore",
            "D203,D213",
        ],
        ["ruff", "format", "--isolated", "--no-cache", "--check"],
        ["mypy", "--strict", "--cache-dir", os.devnull, "src", "tests"],
    ):
        environ = command.environ | {"PYTHONPATH": path}
        ran = subprocess.run(
            [sys.executable, "-m", *tool], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_it_needs_a_core_like_this_one(command: Command) -> None:
    """The range of nodepulse-core begins at this minor version, and ends before the next: the next may break it."""
    command.run("plugins", "new", "mail_queue")
    project = tomllib.loads((command.home / FOLDER / "pyproject.toml").read_text())["project"]
    major, minor, _ = __version__.split(".")
    assert project["dependencies"] == [f"nodepulse-core>={major}.{minor},<{major}.{int(minor) + 1}"]
    assert "## The next step" in (command.home / FOLDER / "README.md").read_text()


def test_what_is_there_is_left_alone(command: Command) -> None:
    """A folder, a file or a dangling link of that name is refused, and stays; so does a dry run."""
    folder = command.home / FOLDER
    folder.symlink_to(command.home / "nowhere")
    for options in ([], ["--dry-run"]):
        ended = command.run("plugins", "new", "mail_queue", *options)
        assert ended.returncode == 1
        assert f"{FOLDER} is there already, and is left as it is; choose another name" in ended.stderr
    assert folder.is_symlink()


def test_an_installed_exporter_keeps_its_name(command: Command) -> None:
    """A name that an installed exporter has would clash with it."""
    command.site.add("queue", exporters={"mail_queue_exporter": "q"}, q=exporter_source("mail_queue_exporter"))
    ended = command.run("plugins", "new", "mail_queue")
    assert ended.returncode == 1
    assert "mail_queue_exporter is there already: queue 1.0 brings it; choose another name" in ended.stderr


def test_a_place_that_is_no_folder_is_a_reason(command: Command) -> None:
    """A path below a file cannot be made."""
    (command.home / "file").write_text("")
    ended = command.run("plugins", "new", "mail_queue", "--path", "file/below")
    assert ended.returncode == 1
    assert "cannot make file/below/nodepulse-exporter-mail-queue: Not a directory" in ended.stderr


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Mail-Queue", "try: nodepulse plugins new mail_queue"),
        ("nodepulse-exporter-mail", "try: nodepulse plugins new mail"),
        ("mail__queue", "try: nodepulse plugins new mail_queue"),
        ("9lives", "try: nodepulse plugins new lives"),
        ("../etc", "try: nodepulse plugins new etc"),
        ("", ""),
        ("a" * 56, ""),
        ("пошта", ""),
    ],
)
def test_what_is_no_name_says_the_rule_and_one_that_is_near(name: str, hint: str) -> None:
    """Names are refused, never rewritten."""
    with pytest.raises(UsageError) as caught:
        read_name(name)
    assert "is no name; names have lower case letters, digits and single _" in str(caught.value)
    assert str(caught.value).endswith(hint or "characters")


@pytest.mark.parametrize("name", ["a", "a1", "mail_queue", "a" * 55])
def test_what_is_a_name_makes_all_others(name: str) -> None:
    """The exporter's, the distribution's and the module's name come of it."""
    names = read_name(name)
    assert names.exporter == f"{name}_exporter"
    assert len(names.exporter) <= 64
    assert names.module == f"nodepulse_exporter_{name}"
    assert Path(names.distribution).name == f"nodepulse-exporter-{name.replace('_', '-')}"
