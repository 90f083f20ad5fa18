"""The suite that every exporter gets by naming itself, as a class for pytest.

from pathlib import Path
from nodepulse_core.testing import ExporterSuite

class TestNginx(ExporterSuite):
exporter = "nginx_exporter"
recorded = Path("nginx_exporter.prom")
fractions = {"nginx_load"}
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

from nodepulse_core.errors import UsageError
from nodepulse_core.plugins import EXPORTERS, read_installed
from nodepulse_core.testing.checks import EXPORTER_CHECKS
from nodepulse_core.testing.project import Project, find_project, read_project
from nodepulse_core.testing.subject import Subject
from nodepulse_core.testing.verdict import Check, judge


class ExporterSuite:
    """Holds one exporter to everything that `nodepulse plugins check` looks at, each check a test of its own.

    Paths are relative to the file of the class. The exporter is the installed one; where it is not installed, that of
    the nearest pyproject.toml above the file.
    """

    exporter: ClassVar[str]
    """Its name, as in its entry point."""
    recorded: ClassVar[Path | Collection[Path]] = ()
    """What its exporter answered, recorded: one file or several. Every field is to be in one of them."""
    fractions: ClassVar[Collection[str]] = ()
    """The fields that may be no whole number; all others are integers."""
    endpoints: ClassVar[Collection[str]] = ()
    """Endpoints of its own schemes at which nobody answers, with {port}: "redis://127.0.0.1:{port}"."""
    project: ClassVar[Path | None] = None
    """Its source tree, where that is neither installed nor above the file."""

    def made(self) -> str | None:
        """Return a text that it collects by itself, where it does: promtool is to have nothing to say of it."""
        return None

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Make a test of each check."""
        if "check" in metafunc.fixturenames:
            makes_none = type(self).made is ExporterSuite.made
            checks = [each for each in EXPORTER_CHECKS if not (makes_none and each.name == "promtool")]
            metafunc.parametrize("check", checks, ids=[each.name for each in checks])

    def test_exporter(self, check: Check[Subject]) -> None:
        """Hold the exporter to one check."""
        __tracebackhide__ = True
        subject = self._subject()
        with subject.project.importable() if subject.project else nullcontext():
            verdict = judge(check, subject)
        if verdict.status == "skipped":
            import pytest  # noqa: PLC0415 - only who runs the suite has it

            pytest.skip(verdict.message)
        if verdict.status == "failed":
            raise AssertionError(f"{self.exporter}: {verdict.message}\n  what to do: {verdict.remedy}")

    def _subject(self) -> Subject:
        if not hasattr(self, "exporter"):
            raise AssertionError(f'{type(self).__name__} names no exporter\n  what to do: exporter = "nginx_exporter"')
        folder = Path(inspect.getfile(type(self))).parent
        installed = read_installed()
        project = self._find_project(folder)
        plugin = next((each for each in installed if (each.name, each.group) == (self.exporter, EXPORTERS)), None)
        declared = next((each for each in project.plugins if each.name == self.exporter), None) if project else None
        found = plugin or declared
        if found is None:
            raise AssertionError(
                f"there is no exporter {self.exporter!r}: it is not installed, and no pyproject.toml above "
                f'{folder} has it under [project.entry-points."{EXPORTERS}"]\n  what to do: pip install -e .'
            )
        paths = [self.recorded] if isinstance(self.recorded, Path) else self.recorded
        made = self.made()
        return Subject(
            plugin=found,
            project=project if plugin is None else None,
            readme=project.readme if project else None,
            recorded=tuple(folder / path for path in paths),
            fractions=frozenset(self.fractions),
            made=None if made is None else lambda: made,
            endpoints=tuple(self.endpoints),
            others=installed,
        )

    def _find_project(self, folder: Path) -> Project | None:
        if self.project is None:
            return find_project(folder, self.exporter)
        try:
            return read_project(folder / self.project)
        except UsageError as error:
            raise AssertionError(str(error)) from None
