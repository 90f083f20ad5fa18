"""The configuration as plain data, with the place of every value in its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from nodepulse_core.config.paths import KeyPath, Place, write_path
from nodepulse_core.config.tree import read_tree
from nodepulse_core.config_file import read_content
from nodepulse_core.errors import ConfigError, Problem


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
