"""The installer of each kind of environment, by its own marks, and what to do where there is none."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from nodepulse_core.cli.installer import Place, Source, environment_of, find_installer
from nodepulse_core.cli.requirement import Requirement
from nodepulse_core.errors import NodePulseError

MYSQL = Requirement("nodepulse-exporter-mysql")
DIRECT = Requirement("nodepulse-exporter-postgres", "direct", "==1.2")
PLAIN = Source()
PROGRAMS = {"uv": "/bin/uv", "pipx": "/bin/pipx"}
RECEIPT = (
    '[tool]\nrequirements = [{ name = "nodepulse-core" }, { name = "nodepulse_exporter_node", specifier = ">=0.1" }]\n'
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a virtual environment with pip, on a machine with uv and pipx."""
    prefix = tmp_path / "venvs" / "nodepulse-core"
    prefix.mkdir(parents=True)
    (tmp_path / "stdlib").mkdir()
    return Place(
        prefix, is_virtual=True, python="/v/python", stdlib=tmp_path / "stdlib", has_pip=True, which=PROGRAMS.get
    )


def commands(place: Place, source: Source = PLAIN) -> tuple[str, str]:
    """Return what installs two distributions into a place, and what removes one."""
    installer = find_installer(place)
    return str(installer.install([MYSQL, DIRECT], source)), str(installer.uninstall(["nodepulse-exporter-node"]))


def test_a_virtual_environment_has_its_own_pip(place: Place) -> None:
    """Pip is run by the environment's own Python, and does not ask."""
    assert commands(place) == (
        "/v/python -m pip install nodepulse-exporter-mysql 'nodepulse-exporter-postgres[direct]==1.2'",
        "/v/python -m pip uninstall --yes nodepulse-exporter-node",
    )


def test_an_environment_without_pip_is_for_uv(place: Place) -> None:
    """Uv is told the Python; where there is no uv either, the error says how to have pip."""
    place = evolve(place, has_pip=False)
    assert commands(place) == (
        "/bin/uv pip install --python /v/python nodepulse-exporter-mysql 'nodepulse-exporter-postgres[direct]==1.2'",
        "/bin/uv pip uninstall --python /v/python nodepulse-exporter-node",
    )
    with pytest.raises(NodePulseError, match="has no pip, and there is no uv; have one: /v/python -m ensurepip"):
        find_installer(evolve(place, which={}.get))


def test_an_application_of_pipx_is_injected(place: Place) -> None:
    """Pipx is told the application by its folder's name, and its home, and the options in one word."""
    (place.prefix / "pipx_metadata.json").write_text("{}")
    home = place.prefix.parent.parent
    assert commands(place, Source(no_index=True)) == (
        f"PIPX_HOME={home} /bin/pipx inject --pip-args=--no-index nodepulse-core nodepulse-exporter-mysql "
        "'nodepulse-exporter-postgres[direct]==1.2'",
        f"PIPX_HOME={home} /bin/pipx uninject nodepulse-core nodepulse-exporter-node",
    )


def test_a_tool_of_uv_is_told_all_that_it_consists_of(place: Place) -> None:
    """What it has already stays; one more is one more --with, and one less is one less."""
    (place.prefix / "uv-receipt.toml").write_text(RECEIPT)
    begin = f"UV_TOOL_DIR={place.prefix.parent} /bin/uv tool install --python /v/python nodepulse-core"
    install, uninstall = commands(place)
    assert shlex.split(install) == [
        *shlex.split(begin),
        *("--with", "nodepulse-exporter-node>=0.1", "--with", "nodepulse-exporter-mysql"),
        *("--with", "nodepulse-exporter-postgres[direct]==1.2"),
    ]
    assert uninstall == begin


def test_what_a_tool_of_uv_has_already_is_replaced(place: Place) -> None:
    """Another version of what is there takes its place."""
    (place.prefix / "uv-receipt.toml").write_text(RECEIPT)
    command = find_installer(place).install([Requirement("nodepulse-exporter-node", "", "==2")], Source())
    assert command.words[-2:] == ("--with", "nodepulse-exporter-node==2")
    assert command.words.count("--with") == 1


def test_what_uv_does_not_take_out_is_said(place: Place) -> None:
    """What came as another's dependency has no --with to leave out."""
    (place.prefix / "uv-receipt.toml").write_text(RECEIPT)
    with pytest.raises(NodePulseError, match="nodepulse-exporter-mysql did not come with --with"):
        find_installer(place).uninstall(["nodepulse-exporter-mysql"])


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        ("no toml", "does not say what this tool of uv consists of"),
        ("[tool]\n", "does not say what this tool of uv consists of"),
        ("[tool]\nrequirements = []\n", "names nothing that this tool of uv consists of"),
        ("[tool]\nrequirements = [5]\n", "does not say what this tool of uv consists of"),
        (
            '[tool]\nrequirements = [{name = "nodepulse-core", git = "https://g"}]\n',
            r"has nodepulse-core from a place of its own \(git\)",
        ),
    ],
)
def test_a_receipt_that_cannot_be_repeated_is_left_alone(place: Place, receipt: str, reason: str) -> None:
    """What would be lost by telling uv the half of it is an error, before anything runs."""
    (place.prefix / "uv-receipt.toml").write_text(receipt)
    with pytest.raises(NodePulseError, match=reason):
        find_installer(place)


@pytest.mark.parametrize(("mark", "program"), [("uv-receipt.toml", "uv"), ("pipx_metadata.json", "pipx")])
def test_a_manager_that_is_not_there_is_not_gone_round(place: Place, mark: str, program: str) -> None:
    """Pip is there, and would install what the manager's next upgrade takes away: it is refused."""
    (place.prefix / mark).write_text(RECEIPT)
    with pytest.raises(NodePulseError, match=f"there is no {program} on PATH; what is installed past it is lost"):
        find_installer(evolve(place, which={}.get))


def test_the_operating_systems_python_is_left_alone(place: Place) -> None:
    """PEP 668: the error says what to do instead; in a virtual environment of that Python pip works."""
    (place.stdlib / "EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
    assert "-m pip install" in commands(place)[0]
    with pytest.raises(NodePulseError, match=r"belongs to the operating system .*EXTERNALLY-MANAGED.*pipx install"):
        find_installer(evolve(place, is_virtual=False))


def test_a_python_of_ones_own_has_pip(place: Place) -> None:
    """Without that mark, as in a container's image, pip installs."""
    assert "-m pip install" in commands(evolve(place, is_virtual=False))[0]


def test_where_distributions_come_from_is_told(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is told as an absolute path, so that no other directory changes what it is."""
    monkeypatch.chdir(tmp_path)
    source = Source(Path("wheels"), no_index=True, upgrade=True)
    assert commands(place, source)[0].startswith(
        f"/v/python -m pip install --upgrade --no-index --find-links {tmp_path / 'wheels'} nodepulse-exporter-mysql"
    )


def test_this_environment_is_what_it_is() -> None:
    """The tests' own environment is looked at without an error, and its Python is this one."""
    here: Any = Place.here()
    assert (here.python, here.prefix) == (sys.executable, Path(sys.prefix))
    assert here.is_virtual is (sys.prefix != sys.base_prefix)


def test_a_command_has_this_environment_and_its_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxy and index settings of the user reach the installer."""
    monkeypatch.setenv("PIP_PROXY", "http://localhost:1")
    (place.prefix / "pipx_metadata.json").write_text("{}")
    environ = environment_of(find_installer(place).install([MYSQL], Source()))
    assert environ["PIP_PROXY"] == "http://localhost:1"
    assert environ["PIPX_HOME"] == str(place.prefix.parent.parent)
