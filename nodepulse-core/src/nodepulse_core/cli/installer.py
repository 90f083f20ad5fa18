"""What installs into the environment that this command runs in, found by the marks that environments carry.

    uv-receipt.toml        a tool of uv: installed anew with one more, or one less, `--with`
    pipx_metadata.json     an application of pipx: plugins are injected
    pyvenv.cfg             a virtual environment: its pip, or `uv pip` where it has none
    EXTERNALLY-MANAGED     the system's own Python (PEP 668): nothing is installed there

Sources: https://packaging.python.org/en/latest/specifications/externally-managed-environments/,
https://pipx.pypa.io/stable/reference/cli/, https://docs.astral.sh/uv/concepts/tools/.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen

from nodepulse_core.cli.requirement import Requirement, normalize
from nodepulse_core.errors import NodePulseError

_CORE = "nodepulse-core"
_PIPX = "pipx_metadata.json"
_UV = "uv-receipt.toml"
_MANAGED = "EXTERNALLY-MANAGED"


@frozen
class Place:
    """The environment of a Python: where it is, and what is to be had in it."""

    prefix: Path
    is_virtual: bool
    python: str
    stdlib: Path
    has_pip: bool
    which: Callable[[str], str | None]

    @classmethod
    def here(cls) -> Place:
        """Return the environment that this command runs in."""
        return cls(
            prefix=Path(sys.prefix),
            is_virtual=sys.prefix != sys.base_prefix,
            python=sys.executable,
            stdlib=Path(sysconfig.get_path("stdlib")),
            has_pip=importlib.util.find_spec("pip") is not None,
            which=shutil.which,
        )


@frozen
class Source:
    """Where distributions come from, and whether newer ones replace those that are there."""

    find_links: Path | None = None
    no_index: bool = False
    upgrade: bool = False

    @property
    def options(self) -> list[str]:
        """The same as pip and uv take it; the folder as an absolute path."""
        links = ["--find-links", str(self.find_links.resolve())] if self.find_links else []
        return [*(["--no-index"] if self.no_index else []), *links]


@frozen
class Command:
    """A command to run, and what its environment has besides this one's."""

    words: tuple[str, ...]
    environ: Mapping[str, str] = field(factory=dict)

    def __str__(self) -> str:
        return shlex.join([*(f"{name}={value}" for name, value in self.environ.items()), *self.words])


class Installer(Protocol):
    """Makes the commands of one kind of environment."""

    def install(self, requirements: Sequence[Requirement], source: Source) -> Command:
        """Return what installs these."""
        ...

    def uninstall(self, names: Sequence[str]) -> Command:
        """Return what removes these."""
        ...


def find_installer(place: Place) -> Installer:
    """Return what installs into an environment; raises NodePulseError, with what to do instead, where nothing does."""
    if (receipt := place.prefix / _UV).is_file():
        return UvTool(_need(place, "uv", "this is a tool of uv"), place.prefix, place.python, _read_receipt(receipt))
    if (place.prefix / _PIPX).is_file():
        return Pipx(_need(place, "pipx", "this is an application of pipx"), place.prefix)
    if not place.is_virtual and (managed := place.stdlib / _MANAGED).is_file():
        raise NodePulseError(
            f"this Python belongs to the operating system ({managed}), and pip must not change it. Install NodePulse "
            f"in an environment of its own, with pipx install {_CORE} or python3 -m venv DIR; the nodepulse there "
            "installs plugins"
        )
    if place.has_pip:
        return Pip((place.python, "-m", "pip"), (), ("--yes",))
    if uv := place.which("uv"):
        return Pip((uv, "pip"), ("--python", place.python), ())
    raise NodePulseError(
        f"the environment {place.prefix} has no pip, and there is no uv; have one: {place.python} -m ensurepip"
    )


def _need(place: Place, program: str, what: str) -> str:
    found = place.which(program)
    if found is None:
        raise NodePulseError(
            f"{what} ({place.prefix}), and there is no {program} on PATH; what is installed past it is lost at its "
            f"next upgrade. Put {program} on PATH and try again"
        )
    return found


@frozen
class Pip:
    """pip, or `uv pip`, which takes the same words but where the Python is, and never asks."""

    program: tuple[str, ...]
    which: tuple[str, ...]
    unasked: tuple[str, ...]

    def install(self, requirements: Sequence[Requirement], source: Source) -> Command:
        """Return what installs these."""
        upgrade = ("--upgrade",) if source.upgrade else ()
        words = (*self.program, "install", *self.which, *upgrade, *source.options, *map(str, requirements))
        return Command(words)

    def uninstall(self, names: Sequence[str]) -> Command:
        """Return what removes these."""
        return Command((*self.program, "uninstall", *self.which, *self.unasked, *names))


@frozen
class Pipx:
    """pipx, which knows an application by the name of its environment's folder."""

    program: str
    prefix: Path

    def install(self, requirements: Sequence[Requirement], source: Source) -> Command:
        """Return what injects these."""
        options = [*source.options, *(["--upgrade"] if source.upgrade else [])]
        given = (f"--pip-args={shlex.join(options)}",) if options else ()
        force = ("--force",) if source.upgrade else ()
        return self._command("inject", *force, *given, self.prefix.name, *map(str, requirements))

    def uninstall(self, names: Sequence[str]) -> Command:
        """Return what takes these out."""
        return self._command("uninject", self.prefix.name, *names)

    def _command(self, *words: str) -> Command:
        home = self.prefix.parent.parent  # PIPX_HOME/venvs/<application>
        return Command((self.program, *words), {"PIPX_HOME": str(home)})


@frozen
class UvTool:
    """`uv tool install`, which is told all of what a tool consists of each time."""

    program: str
    prefix: Path
    python: str
    has: tuple[Requirement, ...]
    """What the tool was installed with: first itself, then what it has besides."""

    def install(self, requirements: Sequence[Requirement], source: Source) -> Command:
        """Return what installs the tool with these besides."""
        new = {each.name for each in requirements}
        others = [each for each in self.has[1:] if each.name not in new]
        options = [*source.options, *(["--upgrade"] if source.upgrade else [])]
        return self._command([*others, *requirements], options)

    def uninstall(self, names: Sequence[str]) -> Command:
        """Return what installs the tool without these; raises NodePulseError where it has one for another's sake."""
        if lacking := set(names) - {each.name for each in self.has[1:]}:
            raise NodePulseError(f"{', '.join(sorted(lacking))} did not come with --with; uv does not take it out")
        return self._command([each for each in self.has[1:] if each.name not in names], [])

    def _command(self, others: Sequence[Requirement], options: Sequence[str]) -> Command:
        besides = [word for each in others for word in ("--with", str(each))]
        words = (self.program, "tool", "install", "--python", _real(self.python), *options, str(self.has[0]), *besides)
        return Command(words, {"UV_TOOL_DIR": str(self.prefix.parent)})


def _real(python: str) -> str:
    """Return the interpreter behind a tool's own, which is replaced with its environment."""
    return str(Path(python).resolve())


def _read_receipt(path: Path) -> tuple[Requirement, ...]:
    """Return what a tool of uv was installed with; raises NodePulseError where that cannot be said again."""
    try:
        listed = tomllib.loads(path.read_text())["tool"]["requirements"]
        read = tuple(map(_read_requirement, listed))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise NodePulseError(f"{path} does not say what this tool of uv consists of: {error}") from error
    if not read:
        raise NodePulseError(f"{path} names nothing that this tool of uv consists of")
    return read


def _read_requirement(listed: Mapping[str, Any]) -> Requirement:
    name = str(listed["name"])
    if other := set(listed) - {"name", "extras", "specifier"}:
        raise NodePulseError(
            f"this tool of uv has {name} from a place of its own ({', '.join(sorted(other))}), which is not told again "
            "here; use uv tool install with every --with yourself"
        )
    return Requirement(normalize(name), ",".join(listed.get("extras", [])), str(listed.get("specifier", "")))


def environment_of(command: Command) -> dict[str, str]:
    """Return the whole environment of a command."""
    return {**os.environ, **command.environ}
