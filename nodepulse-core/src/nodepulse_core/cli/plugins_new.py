"""`nodepulse plugins new NAME`: the source tree of an exporter plugin, whose tests pass as they are."""

from __future__ import annotations

import re
import shutil
import string
from importlib.resources import files
from pathlib import Path

import click
from attrs import frozen

from nodepulse_core import __version__
from nodepulse_core.cli.context import Context
from nodepulse_core.errors import NodePulseError, UsageError
from nodepulse_core.plugins import EXPORTERS

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 64
_SUFFIX = "_exporter"
_TEMPLATE = files("nodepulse_core.cli") / "template"


@frozen
class Names:
    """What a new plugin's parts are called, all made of one name."""

    name: str

    @property
    def exporter(self) -> str:
        """The exporter's type, which is its entry point."""
        return f"{self.name}{_SUFFIX}"

    @property
    def distribution(self) -> str:
        """What pip installs, and the folder."""
        return f"nodepulse-exporter-{self.name.replace('_', '-')}"

    @property
    def module(self) -> str:
        """What is imported."""
        return self.distribution.replace("-", "_")


@click.command()
@click.argument("name")
@click.option("--path", type=click.Path(file_okay=False, path_type=Path), default=".", help="Where its folder is made.")
@click.option("--dry-run", is_flag=True, help="Show what would be made, and make nothing.")
@click.pass_obj
def new(context: Context, name: str, *, path: Path, dry_run: bool) -> None:
    """Make the source tree of a new exporter plugin.

    NAME is what it measures, such as `nginx` or `nginx_exporter`. The plugin's own tests pass as they are; its README
    says the next step. Nothing that is there is overwritten.

    Exit status: 0 made, 1 there is something of that name, 2 it is no name.
    """
    names = read_name(name)
    for plugin in context.host.installed:
        if plugin.name == names.exporter and plugin.group == EXPORTERS:
            raise NodePulseError(f"{names.exporter} is there already: {plugin.origin} brings it; choose another name")
    folder = path / names.distribution
    if folder.exists() or folder.is_symlink():
        raise NodePulseError(f"{folder} is there already, and is left as it is; choose another name, or another --path")
    content = write_files(names)
    if not dry_run:
        _make(folder, content)
    click.echo("would make:" if dry_run else "made:")
    click.echo("\n".join(_draw(folder, list(content))))
    if not dry_run:
        click.echo(f"\nnext: cd {folder} && pip install -e '.[test]' && pytest && nodepulse plugins check .")


def read_name(text: str) -> Names:
    """Return the names that are made of one; raises UsageError where it is none, with one that is near."""
    name = text.removesuffix(_SUFFIX)
    names = Names(name)
    if _NAME.fullmatch(name) and len(names.exporter) <= _LONGEST:
        return names
    near = re.sub(r"[^a-z0-9]+", "_", text.lower().removeprefix("nodepulse-exporter-")).strip("_0123456789")
    hint = f"; try: nodepulse plugins new {near}" if near and near != name and _NAME.fullmatch(near) else ""
    rule = f"lower case letters, digits and single _, a letter first, at most {_LONGEST - len(_SUFFIX)} characters"
    raise UsageError(f"{text!r} is no name; names have {rule}{hint}")


def write_files(names: Names) -> dict[str, str]:
    """Return the content of each file of a new plugin, by its path in the folder."""
    major, minor, _ = __version__.split(".", 2)
    known = {
        "name": names.name,
        "exporter": names.exporter,
        "distribution": names.distribution,
        "module": names.module,
        "core": f"{major}.{minor}",
        "next": f"{major}.{int(minor) + 1}",
    }
    paths = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        ".gitignore": "gitignore",
        f"src/{names.module}/__init__.py": "src/__init__.py",
        f"tests/{names.exporter}.prom": "tests/recorded.prom",
        f"tests/test_{names.name}.py": "tests/test.py",
    }
    content = {
        path: string.Template((_TEMPLATE / f"{source}.tmpl").read_text()).substitute(known)
        for path, source in paths.items()
    }
    return dict(sorted((content | {f"src/{names.module}/py.typed": ""}).items()))


def _make(folder: Path, content: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True)
        for path, text in content.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise NodePulseError(f"cannot make {folder}: {error.strerror}; nothing was left there") from error


def _draw(folder: Path, paths: list[str]) -> list[str]:
    """Return a tree of paths, a line each."""
    lines = [f"{folder}/"]
    shown: set[str] = set()
    for path in paths:
        *parents, name = path.split("/")
        for depth, parent in enumerate(parents):
            if (at := "/".join(parents[: depth + 1])) not in shown:
                shown.add(at)
                lines.append(f"{'  ' * (depth + 1)}{parent}/")
        lines.append(f"{'  ' * (len(parents) + 1)}{name}")
    return lines
