"""The configuration as a file: where it is looked for, and its YAML with the place of every value."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from nodepulse_core.errors import ConfigError, Problem

Key = str | int
KeyPath = tuple[Key, ...]

_LARGEST_FILE = 1024**2
_MOST_NODES = 20_000
_DEEPEST = 16
_SHARED = Path("/etc/nodepulse/nodepulse.yml")
_HERE = Path("nodepulse.yml")


def find_config(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the configuration to use; raises ConfigError, naming all places looked at, where there is none."""
    named = explicit or (Path(environ["NODEPULSE_CONFIG"]) if environ.get("NODEPULSE_CONFIG") else None)
    if named is not None:
        return named
    home = Path(environ["HOME"]) / ".nodepulse" / "nodepulse.yml" if environ.get("HOME") else None
    places = [place for place in (_SHARED, home, _HERE) if place is not None]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(map(str, places))
    raise ConfigError([Problem(f"looked in {looked}; write one with: nodepulse config init")], "no configuration found")


def write_path(path: KeyPath) -> str:
    """Write a path as people do: `exporters[1].retry.backoff`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `; did you mean 'x'?` for a near miss, else the known words."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"


@frozen
class Document:
    """A YAML file as plain data, and the line and column (from 1) of what stands under each path."""

    source: str
    data: dict[str, Any]
    places: Mapping[KeyPath, tuple[int, int]] = field(repr=False)

    def problem(self, path: KeyPath, message: str, *, shown: KeyPath | None = None) -> Problem:
        """Return a problem with the value at a path, placed there or at the nearest thing above that is in the file."""
        key = write_path(path if shown is None else shown)
        if not self.places:  # it was not read from a file
            return Problem(message, key)
        at = path
        while at and at not in self.places:
            at = at[:-1]
        line, column = self.places.get(at, (1, 1))
        return Problem(message, key, line, column)


def read_document(path: Path) -> Document:
    """Read a YAML file; raises ConfigError with the place of what is wrong with it."""
    source = str(path)
    try:
        if path.is_file() and path.stat().st_size > _LARGEST_FILE:
            raise ConfigError([Problem("it is larger than 1 MiB, which no configuration is")], source)
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(f"it cannot be read: {error.strerror}")], source) from error
    return parse_document(content, source)


def parse_document(content: bytes, source: str) -> Document:
    """Read YAML 1.2; raises ConfigError with the place of what is wrong with it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem("it is not UTF-8", line=line, column=1)], source) from error
    try:
        tree = YAML(typ="rt").load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([_explain(error)], source) from error
    if not isinstance(tree, CommentedMap):
        found = "nothing" if tree is None else type(tree).__name__
        raise ConfigError([Problem(f"a mapping of keys such as server and exporters is due; found {found}")], source)
    places: dict[KeyPath, tuple[int, int]] = {}
    problems: list[Problem] = []
    data = _plain(tree, (), places, problems)
    if problems:
        raise ConfigError(problems, source)
    return Document(source, data, places)


def _explain(error: Exception) -> Problem:
    if isinstance(error, DuplicateKeyError) and error.problem_mark is not None:
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "a key"
        return Problem(
            f"the key {key!r} stands here twice", "", error.problem_mark.line + 1, error.problem_mark.column + 1
        )
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        context = f" {error.context}" if error.context else ""
        return Problem(f"it is not YAML:{context} {error.problem}", "", mark.line + 1, mark.column + 1)
    if isinstance(error, RecursionError):
        return Problem("it is nested too deeply")
    return Problem(f"it is not YAML: {' '.join(str(error).split())}")


def _plain(node: Any, path: KeyPath, places: dict[KeyPath, tuple[int, int]], problems: list[Problem]) -> Any:
    """Return plain data, noting places; aliases are followed, so size and depth are bounded here."""
    if len(places) > _MOST_NODES or len(path) > _DEEPEST:
        if not problems:
            problems.append(Problem("it holds more, or deeper, than any configuration does", write_path(path[:3])))
        return None
    if isinstance(node, CommentedMap):
        plain = {}
        for key, value in node.items():
            line, column = node.lc.key(key) if key in node.lc.data else (node.lc.line, node.lc.col)
            if not isinstance(key, str):
                problems.append(Problem(f"{key!r} is no key; keys are words", write_path(path), line + 1, column + 1))
                continue
            places[*path, key] = (line + 1, column + 1)
            plain[str(key)] = _plain(value, (*path, str(key)), places, problems)
        return plain
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            line, column = node.lc.item(index)
            places[*path, index] = (line + 1, column + 1)
        return [_plain(value, (*path, index), places, problems) for index, value in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node
