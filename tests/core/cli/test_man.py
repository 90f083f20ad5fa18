"""`nodepulse man`: complete, and right in the eyes of groff."""

from __future__ import annotations

import subprocess

import click
import pytest
from nodepulse_core.cli.commands import BUILT_IN, import_built_in
from nodepulse_core.cli.man import escape
from support.command import Command
from support.programs import need


@pytest.fixture
def page(command: Command) -> str:
    """Give the page as roff."""
    ended = command.run("man")
    assert ended.returncode == 0
    return ended.stdout


def test_groff_has_no_word_against_it(page: str) -> None:
    """With all warnings on it is set without one."""
    need("groff")
    asked = ["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-z"]
    said = subprocess.run(asked, input=page, capture_output=True, text=True, check=True)
    assert said.stderr == ""


def test_it_holds_every_command_and_option(page: str) -> None:
    """Each built-in command, those below it, and every option of each has its place."""
    missing = []
    for name in BUILT_IN:
        command = import_built_in(name)
        below = command.commands if isinstance(command, click.Group) else {}
        for path, each in [(name, command), *((f"{name} {inner}", each) for inner, each in below.items())]:
            if f".SS nodepulse {escape(path)} " not in page:
                missing.append(path)
            options = (option for one in each.params if isinstance(one, click.Option) for option in one.opts)
            missing += [f"{path} {option}" for option in options if escape(option) not in page]
    assert missing == []


def test_it_is_read_as_it_was_written(page: str) -> None:
    """What man shows has the words of the help, with signs that roff would take for its own."""
    need("groff")
    set_ = ["groff", "-man", "-Kutf8", "-Tutf8", "-P-cbou", "-rLL=200n"]
    shown = subprocess.run(set_, input=page, capture_output=True, text=True, check=True).stdout
    words = " ".join(shown.split())
    assert "Ctrl-C ends it" in words
    assert 'eval "$(nodepulse completion bash)"' in words
    assert "~/.nodepulse/nodepulse.yml" in words


@pytest.mark.parametrize(
    ("text", "written"), [("--x", "\\-\\-x"), (".SH no", "\\&.SH no"), ("'no", "\\(aqno"), ("a\\b", "a\\eb")]
)
def test_text_is_no_macro(text: str, written: str) -> None:
    """A line that begins like a macro, and a backslash, are taken for themselves."""
    assert escape(text) == written
