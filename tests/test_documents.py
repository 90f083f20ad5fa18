"""What the documents say is there: every relative link, every command with its options, every job of dev.py."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from nodepulse_core.agent.metrics import make_families
from nodepulse_core.cli.main import nodepulse
from support.reports import make_report
from support.repository import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("nodepulse-*/README.md")])
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def name_of(path: Path) -> str:
    """Return a document's path in the repository."""
    return str(path.relative_to(ROOT))


def commands(text: str, program: str) -> Iterator[list[str]]:
    """Yield the words after a program's name, of each line of a block and each inline code that begins with it.

    In a row of a table, what follows in further inline code of the same cell are its sister subcommands.
    """
    for block in BLOCK.findall(text):
        for line in block.splitlines():
            if line.startswith(f"{program} "):
                yield shlex.split(line.removeprefix(program), comments=True)
    for cell in re.split(r"\||\n", BLOCK.sub("", text)):
        codes = re.findall(r"`([^`]+)`", cell)
        if not codes or not codes[0].startswith(f"{program} "):
            continue
        first = re.sub(r"[\[\]]", "", codes[0]).split()[len(program.split()) :]
        yield first
        if cell.strip().startswith("`"):
            yield from ([*first[:-1], code] for code in codes[1:] if re.fullmatch(r"[a-z]+", code))


def fault(words: list[str]) -> str | None:
    """Return what a command line of `nodepulse` has that the command has not."""
    command: click.Command = nodepulse
    context = click.Context(nodepulse, info_name="nodepulse")
    rest = iter(words)
    for word in rest:
        if word in {"&", "|", "…"}:
            break
        if word.startswith("-"):
            name, _, value = word.partition("=")
            options = {each: option for option in command.params for each in (*option.opts, *option.secondary_opts)}
            if name not in {*options, "--help", "-h"}:
                return f"{command.name} has no option {name}"
            if not value and not getattr(options.get(name), "is_flag", True):
                next(rest, None)
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            if found is None:
                return f"{command.name} has no command {word}"
            command = found
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    """A link within the repository is to a file or folder that is there, and to a heading that it has."""
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", document.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        linked = document.parent / path if path else document
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}, target


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_that_is_shown_exists(document: Path) -> None:
    """Each command line has its command, its subcommand and its options."""
    found = [(words, fault(words)) for words in commands(document.read_text(), "nodepulse")]
    assert [each for each in found if each[1]] == []


def test_the_readme_shows_commands() -> None:
    """The README's commands are found at all, those of its session and of its table."""
    found = list(commands((ROOT / "README.md").read_text(), "nodepulse"))
    for words in (["start"], ["dashboard", "&"], ["config", "migrate"], ["buffer", "verify"]):
        assert words in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["config", "chek"], "config has no command chek"),
        (["strat"], "no command strat"),
        (["scrape", "x", "--rwa"], "scrape has no option --rwa"),
        (["--config", "x", "buffer", "sl"], "buffer has no command sl"),
        (["--config", "buffer", "buffer", "ls"], None),
    ],
)
def test_a_command_that_is_not_there_is_found(line: list[str], said: str | None) -> None:
    """The check can fail: at a command, a subcommand and an option."""
    found = fault(line)
    assert found is None if said is None else said in str(found)


def test_every_page_is_in_the_readme() -> None:
    """The README's last part is the table of contents: no page of docs/ is missing there."""
    more = (ROOT / "README.md").read_text().partition("\n## More\n")[2]
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert pages - set(re.findall(r"\]\(([^)]+)\)", more)) == set()


def test_every_decision_has_a_number_of_its_own() -> None:
    """The decisions are numbered from 1 on, each once, so that a number names one."""
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").iterdir())
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_job_of_dev_py_exists() -> None:
    """What documents call dev.py with is one of its jobs."""
    jobs = runpy.run_path(str(ROOT / "dev.py"))["JOBS"]
    shown = [words[0] for path in DOCUMENTS for words in commands(path.read_text(), "python3 dev.py")]
    assert {"demo", "test"} <= set(shown) <= set(jobs)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_metric_of_the_agent_is_there(document: Path) -> None:
    """A metric of the agent's own that a document names, in an alert above all, is one that the agent has."""
    there = {family.name for family in make_families(make_report())}
    named = set(re.findall(r"\bnodepulse_[a-z_]+_(?:total|seconds|bytes|entries|up|writable)\b", document.read_text()))
    assert named - there == set()
