"""Every example as a distribution: what it is made of, that it builds, and that its own tests pass untouched."""

from __future__ import annotations

import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from support.environment import Environment
from support.repository import EXAMPLES, ROOT

of_each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)


def file_name(example: Path) -> str:
    """Return how the names of an example's sdist and wheel begin."""
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    return f"{project['name'].replace('-', '_')}-{project['version']}"


@of_each_example
def test_it_has_what_a_distribution_needs(example: Path) -> None:
    """An example is named as its folder, depends on the core alone of NodePulse, and states license and description."""
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    assert project["name"] == example.name
    assert "nodepulse-core>=0.1,<0.2" in project["dependencies"]
    assert sum(each.startswith("nodepulse") for each in project["dependencies"]) == 1
    assert project["license"] == "MIT"
    assert project["description"]
    assert (example / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    readme = (example / "README.md").read_text()
    assert readme.startswith(f"# {example.name}\n")
    assert f"pip install {example.name}\n" in readme


@of_each_example
def test_it_builds_as_sdist_and_wheel(example: Path, wheels: Path) -> None:
    """The sdist carries the tests and the license, the wheel the package alone, with its license and entry points."""
    name = file_name(example)
    with tarfile.open(wheels / f"{name}.tar.gz") as sdist:
        packed = sdist.getnames()
    assert f"{name}/LICENSE" in packed
    assert any(each.startswith(f"{name}/tests/test_") for each in packed)
    with zipfile.ZipFile(wheels / f"{name}-py3-none-any.whl") as wheel:
        files = wheel.namelist()
    assert f"{name}.dist-info/licenses/LICENSE" in files
    assert f"{name}.dist-info/entry_points.txt" in files
    assert not [each for each in files if "tests/" in each]


@of_each_example
def test_its_own_tests_pass(example: Path, wheels: Path, environment: Environment, tmp_path: Path) -> None:
    """From its sdist, away from the repository, its tests pass against its installed wheel."""
    name = file_name(example)
    # Python before 3.11.4 knows no filter in extractall, and later ones warn where there is none.
    subprocess.run(["tar", "-xzf", wheels / f"{name}.tar.gz", "-C", tmp_path], check=True)
    with environment.with_installed(example.name):
        ran = environment.run(environment.python, "-m", "pytest", "-W", "error", cwd=tmp_path / name)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout


def test_the_environment_has_nothing_of_the_repository(environment: Environment, wheels: Path) -> None:
    """What the examples are tested against is the core's wheel, installed by pip, and not the repository's source."""
    ask = "import nodepulse_core as core, sys; print(core.__file__, *sys.path, sep='\\n')"
    module, *path = environment.run(environment.python, "-c", ask).stdout.splitlines()
    assert Path(module).is_relative_to(environment.home)
    assert not [each for each in path if each and Path(each).is_relative_to(ROOT)]
    assert len(list(wheels.glob("nodepulse_core-*.whl"))) == 1
