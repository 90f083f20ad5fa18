"""The configuration as a file: where it is looked for, and what it holds, with the place of every value."""

from __future__ import annotations

import errno
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from nodepulse_core.config.paths import KeyPath, Place, write_path
from nodepulse_core.config.tree import read_tree
from nodepulse_core.errors import ConfigError, Problem

_LARGEST_FILE = 256 * 1024
_SHARED = Path("/etc/nodepulse/nodepulse.yml")
_HERE = Path("nodepulse.yml")


def find_config(explicit: Path | None, environ: Mapping[str, str], *, shared: Path = _SHARED) -> Path:
    """Return the configuration to use; raises ConfigError, naming all places looked at, where there is none."""
    named = explicit or (Path(environ["NODEPULSE_CONFIG"]) if environ.get("NODEPULSE_CONFIG") else None)
    if named is not None:
        return named
    home = Path(environ["HOME"]) / ".nodepulse" / "nodepulse.yml" if environ.get("HOME") else None
    places = [place for place in (shared, home, _HERE) if place is not None]
    for place in places:
        if _is_there(place):
            return place
    looked = ", ".join(map(str, places))
    raise ConfigError([Problem(f"looked in {looked}; write one with: nodepulse config init")], "no configuration found")


def _is_there(place: Path) -> bool:
    """Tell whether there is a file; one that must not be looked at counts, so that reading it says so."""
    try:
        return place.is_file()
    except OSError as error:
        return error.errno == errno.EACCES


@frozen
class Document:
    """A YAML file as plain data, where everything in it stands, and what is wrong with single values."""

    source: str
    data: dict[str, Any] = field(repr=False)
    places: Mapping[KeyPath, Place] = field(repr=False)
    problems: tuple[Problem, ...] = ()

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem with the value at a path, placed there or at the nearest thing above that is in the file."""
        if not self.places:  # it was not read from a file
            return Problem(message, write_path(path))
        at = path
        while at and at not in self.places:
            at = at[:-1]
        line, column = self.places.get(at, (1, 1))
        return Problem(message, write_path(path), line, column)


def read_document(path: Path) -> Document:
    """Read a YAML file; raises ConfigError, with the place, where it cannot be read as a configuration at all."""
    return parse_document(read_content(path), str(path))


def read_content(path: Path) -> bytes:
    """Return what a file holds; raises ConfigError where it cannot be read, or is too large."""
    source = str(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe could be read once only, a device without end
            kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
            raise ConfigError([Problem(f"it is {kind}")], source)
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([Problem(f"it cannot be read: {reason}")], source) from error
    if len(content) > _LARGEST_FILE:
        raise ConfigError([Problem("it is larger than 256 KiB, which no configuration is")], source)
    return content


def parse_document(content: bytes, source: str) -> Document:
    """Read YAML 1.2; raises ConfigError, with the place, where it cannot be read as a configuration at all."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        byte = f"the byte 0x{content[error.start]:02x}"
        raise ConfigError([Problem(f"it is not UTF-8: {byte} is wrong here", "", line, column)], source) from error
    tree = read_tree(text, source)
    if not isinstance(tree.data, dict):
        found = "nothing" if tree.data is None else "a list" if isinstance(tree.data, list) else "a single value"
        raise ConfigError([Problem(f"expected keys such as server and exporters; found {found}")], source)
    return Document(source, tree.data, tree.places, tree.problems)
