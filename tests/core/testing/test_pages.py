"""The pages for authors: nothing that a plugin may use is missing on them, and what they show is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodepulse_core
import pytest
from nodepulse_core import fields, hookspecs, pytest_plugin, testing
from nodepulse_core.fields import parse_field, take_fields
from nodepulse_core.testing.checks import EXPORTER_CHECKS
from support.author_pages import AUTHORS, PAGES, list_hooks

FIELDS = (AUTHORS / "fields.md").read_text()
TESTING = (AUTHORS / "testing.md").read_text()
_ROW = re.compile(r"^\| `(.+?)` \| (?:`(.+?)`|(left out)) \| .+ \|$", re.MULTILINE)
SHOWN = _ROW.findall(FIELDS)
PUBLIC = {name: getattr(nodepulse_core, name) for name in nodepulse_core.__all__}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_docstrings_say(page: str) -> None:
    """A page that is written from docstrings is what they would make today."""
    rewrite = "PYTHONPATH=tests .venv/bin/python tests/support/author_pages.py"
    assert (AUTHORS / page).read_text() == PAGES[page](), f"write it anew: {rewrite}"


def test_every_hook_is_documented() -> None:
    """Each hook has its section, with its example; tests/core/test_hookspecs.py runs these."""
    page = (AUTHORS / "hooks.md").read_text()
    assert list_hooks()
    for hook in vars(hookspecs):
        if hook.startswith("nodepulse_"):
            assert f"\n## {hook}\n" in page
            assert f"def {hook}(" in page


@pytest.mark.parametrize("module", [nodepulse_core, testing])
def test_every_public_name_is_documented(module: Any) -> None:
    """Each name of `__all__` has a row that says what it is."""
    page = (AUTHORS / "names.md").read_text()
    for name in module.__all__:
        (told,) = re.findall(rf"^\| `{name}` \| (.+) \|$", page, re.MULTILINE)
        assert told.endswith((".", "`"))
        assert not told.startswith((f"{name}(", "str("))


def test_every_kind_of_field_is_shown() -> None:
    """Each kind that `fields` knows is public, and stands in the table."""
    kinds = [name for name, kind in vars(fields).items() if isinstance(kind, type) and hasattr(kind, "take")]
    kinds = [name for name in kinds if name not in {"Field", "Selector"}]  # the contract, and what a string stands for
    assert len(kinds) >= 7
    for kind in kinds:
        assert kind in PUBLIC
        assert any(f"{kind}(" in source for source, _, _ in SHOWN), f"fields.md does not show {kind}"


@pytest.mark.parametrize(("source", "value", "absent"), SHOWN)
def test_a_field_gives_what_the_page_says(source: str, value: str, absent: str) -> None:
    """Each row of the table is true of the text above it."""
    (text,) = re.findall(r"^```text\n(.*?)^```$", FIELDS, re.DOTALL | re.MULTILINE)
    stamped = nodepulse_core.exposition.stamp(text.encode(), 1_800_000_000)[0].decode()
    field = parse_field(eval(source.replace("\\|", "|"), PUBLIC))  # noqa: S307 - our own page
    null: Any = {"null": None}
    expected = {} if absent else {"it": eval(value, null)}  # noqa: S307 - the same
    assert take_fields({"it": field}, stamped) == expected


def test_the_kind_of_ones_own_is_a_field() -> None:
    """The class that the page shows is taken as the page says."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", FIELDS, re.DOTALL | re.MULTILINE)
    shown: dict[str, Any] = {}
    exec(code, shown)  # noqa: S102 - our own page
    (source, value) = re.findall(r"^`(Newest.+?)` gives `(.+?)`", FIELDS, re.MULTILINE)[0]
    field = parse_field(eval(source, shown))  # noqa: S307 - the same
    assert take_fields({"it": field}, 'cpu_seconds_total{cpu="0"} 5\ncpu_seconds_total{cpu="1"} 6\n') == {
        "it": int(value)
    }


def test_every_check_fixture_behaviour_and_attribute_is_documented() -> None:
    """The page of testing has all that the kit has."""
    for check in EXPORTER_CHECKS:
        assert f"| `{check.name}` | {check.sentence} |" in TESTING
    fixtures = [name for name in vars(pytest_plugin) if name.startswith("nodepulse_")]
    assert len(fixtures) == 4
    attributes = [*testing.ExporterSuite.__annotations__, "made(self)"]
    for name in (*fixtures, *attributes):
        assert f"| `{name}` | " in TESTING
    for behaviour in testing.BEHAVIOURS:
        assert f"`{behaviour}`" in TESTING


def test_the_test_file_on_the_page_passes(tmp_path: Path) -> None:
    """The whole test file that the page shows is one."""
    *_, code = re.findall(r"^```python\n(.*?)^```$", TESTING, re.DOTALL | re.MULTILINE)
    (tmp_path / "test_shown.py").write_text(code)
    run = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tmp_path),
    ]
    ran = subprocess.run([*run, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout
    assert "3 passed" in ran.stdout


def test_the_smallest_plugin_is_the_pages_promise() -> None:
    """The suite on the page brings as many tests as the page says: all checks, but for promtool's."""
    words = {14: "fourteen", 15: "fifteen"}
    count = words[len(EXPORTER_CHECKS) - 1]
    assert f"That is {count} tests." in TESTING
    assert f"brings {count} more tests" in (AUTHORS / "tutorial.md").read_text()
