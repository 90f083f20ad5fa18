"""Source trees of plugins, as their pyproject.toml describes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nodepulse_core.errors import UsageError
from nodepulse_core.testing.project import find_project, read_project
from support.projects import write_project


def test_it_has_what_is_to_be_checked(tmp_path: Path) -> None:
    """Plugins, sources, README and recorded texts are found by their usual places."""
    project = write_project(tmp_path)
    (plugin,) = project.plugins
    assert (plugin.name, plugin.group) == ("shop_exporter", "nodepulse.exporters")
    assert plugin.origin == "nodepulse-exporter-shop 1.0"
    assert project.sources == project.folder / "src"
    assert project.recorded("shop_exporter") == (project.folder / "tests" / "shop_exporter.prom",)
    assert "pip install" in project.readme


def test_of_several_exporters_each_has_its_own_texts(tmp_path: Path) -> None:
    """A text is that of the exporter whose name it begins with."""
    project = write_project(tmp_path)
    path = project.folder / "pyproject.toml"
    path.write_text(path.read_text() + 'till_exporter = "till"\n')
    (project.folder / "tests" / "till_exporter-2.prom").write_text("till_up 1\n")
    (text,) = read_project(project.folder).recorded("till_exporter")
    assert text.name == "till_exporter-2.prom"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is not there; give the folder"),
        ("[project", "cannot be read: "),
        ('[project]\nname = "a"\n', "declares no plugin; add [project.entry-points."),
        ('[project]\nname = "a"\nentry-points = 3\n', "declares no plugin"),
    ],
)
def test_what_is_no_project_says_what_it_lacks(content: str | None, reason: str, tmp_path: Path) -> None:
    """A folder without plugins is a wrong usage, with what to do."""
    if content is not None:
        (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(UsageError, match=re.escape(reason)):
        read_project(tmp_path)


def test_a_bad_entry_point_is_a_plugin_with_its_fault(tmp_path: Path) -> None:
    """What the installed metadata would be refused for is said of the source tree too."""
    (tmp_path / "pyproject.toml").write_text('[project.entry-points."nodepulse.exporters"]\nShop = "shop:make"\n')
    (plugin,) = read_project(tmp_path).plugins
    assert "is no name" in (plugin.error or "")


def test_the_nearest_one_above_is_found(tmp_path: Path) -> None:
    """A test finds the project that it stands in, by the plugin's name."""
    project = write_project(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    assert find_project(project.folder / "tests", "shop_exporter") == project
    assert find_project(project.folder / "tests", "other_exporter") is None
