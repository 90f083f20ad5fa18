"""The suite, as pytest runs it in an author's project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nodepulse_core.testing.checks import EXPORTER_CHECKS
from support.projects import GOOD, write_project

SUITE = """
from pathlib import Path
from nodepulse_core.testing import ExporterSuite

class TestShop(ExporterSuite):
    exporter = "{exporter}"
    recorded = Path("shop_exporter.prom")
    fractions = {fractions}
"""


def run_suite(
    home: Path, source: str = GOOD, *, exporter: str = "shop_exporter", fractions: str = "{'queue_seconds'}"
) -> str:
    """Run the suite in a project of its own; return what pytest says of each test."""
    project = write_project(home, source)
    path = project.folder / "tests" / "test_shop.py"
    path.write_text(SUITE.format(exporter=exporter, fractions=fractions))
    command = [sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider", "-c", "/dev/null", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=project.folder).stdout


def test_a_good_exporter_passes_every_check(tmp_path: Path) -> None:
    """Each check is a test with its name; the exporter is found above the file, without being installed."""
    said = run_suite(tmp_path)
    assert f"{len(EXPORTER_CHECKS) - 1} passed" in said, said  # it makes no text of its own, so promtool has no part
    for check in EXPORTER_CHECKS:
        assert (f"test_exporter[{check.name}] PASSED" in said) is (check.name != "promtool")


def test_a_failure_says_what_and_what_to_do(tmp_path: Path) -> None:
    """The message is the problem and the remedy, without a traceback through the kit."""
    said = run_suite(tmp_path, fractions="()")
    assert "1 failed" in said
    assert "AssertionError: shop_exporter: the field queue_seconds is 0.25" in said
    assert "what to do: Cut it with Integer" in said
    assert "suite.py" not in said


def test_a_suite_without_an_exporter_says_so(tmp_path: Path) -> None:
    """A class that forgets the name is told which line it lacks."""
    project = write_project(tmp_path)
    path = project.folder / "tests" / "test_shop.py"
    path.write_text("from nodepulse_core.testing import ExporterSuite\nclass TestShop(ExporterSuite):\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project.folder).stdout
    assert "AssertionError: TestShop names no exporter" in said


def test_an_exporter_that_is_nowhere_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """A misspelt name is an error of its own, with the way to install what is meant."""
    said = run_suite(tmp_path, exporter="shoq_exporter")
    assert "there is no exporter 'shoq_exporter': it is not installed, and no pyproject.toml above" in said
    assert "what to do: pip install -e ." in said
