"""YAML 1.2 as plain data, with the place of every value.

Taken from the composed nodes: nothing in a file can have an object made, aliases and merge keys are bounded, and every
duplicate key is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from nodepulse_core.config.paths import KeyPath, Place, write_path
from nodepulse_core.errors import ConfigError, Problem

_MOST_NODES = 20_000
_DEEPEST = 16
_TAG = "tag:yaml.org,2002:"
_TEXT = {_TAG + kind for kind in ("str", "timestamp", "value", "merge")}  # a date is no kind of its own here
_COLLECTIONS = {_TAG + kind for kind in ("map", "seq")}
_TRUE = {"true", "yes", "on"}  # the last two only in a file that says %YAML 1.1
_SHOWN = 40


@frozen
class Tree:
    """A file's data; the line and column (from 1) of what stands under each path; what is wrong with single values."""

    data: Any
    places: dict[KeyPath, Place] = field(repr=False)
    problems: tuple[Problem, ...]


def read_tree(text: str, source: str) -> Tree:
    """Read YAML; raises ConfigError, with the place, where the text is none, or holds more than it ever should."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except RecursionError as error:
        raise ConfigError([Problem("it is nested too deeply")], source) from error
    except Exception as error:  # on some input ruamel raises whatever its scanner comes across
        raise ConfigError([_explain(error, text)], source) from error
    reader = _Reader(source)
    data = None if node is None else reader.read(node, ())
    return Tree(data, reader.places, tuple(dict.fromkeys(reader.problems)))


def _explain(error: Exception, text: str) -> Problem:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        context = f" {error.context}" if error.context else ""
        quotes = "; put a value with ${…} in quotes" if "${" in _line_at(text, mark.index) else ""
        said = f"it is not YAML:{context} {_one_line(error.problem)}{quotes}"
        return Problem(said, "", mark.line + 1, mark.column + 1)
    if isinstance(error, ReaderError):
        before = text[: error.position]
        column = len(before) - (before.rfind("\n") + 1) + 1
        character = f"the character {text[error.position]!r}" if error.position < len(text) else "a character"
        return Problem(f"it is not YAML: {character} is not allowed", "", before.count("\n") + 1, column)
    return Problem(f"it is not YAML: {_one_line(error)}")


def _line_at(text: str, index: int) -> str:
    return text[text.rfind("\n", 0, index) + 1 :].partition("\n")[0]


def _one_line(said: object) -> str:
    return " ".join(str(said).split())


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self._nodes = 0
        self._within: set[int] = set()

    def read(self, node: Node, path: KeyPath) -> Any:
        self._count(node, path)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._within:
            self._note(node, path, "it holds itself")
            return None
        if node.tag not in _COLLECTIONS:
            self._refuse_tag(node, path)
            return None
        self._within.add(id(node))
        read: Any = self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        self._within.remove(id(node))
        return read

    def _count(self, node: Node, path: KeyPath) -> None:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > _DEEPEST:
            too_much = _problem(node, path[:3], "it holds more, or deeper, than any configuration does")
            raise ConfigError([too_much], self._source)

    def _note(self, node: Node, path: KeyPath, message: str) -> None:
        self.problems.append(_problem(node, path, message))

    def _sequence(self, node: Node, path: KeyPath) -> list[Any]:
        for index, item in enumerate(node.value):
            self.places[*path, index] = _place(item)
        return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        taken: dict[str, Node] = {}
        merged: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for each, pair in self._merged(value, path):
                    merged.setdefault(each, pair)
                continue
            name = key.value if isinstance(key, ScalarNode) and key.tag in _TEXT else None
            if name is None or not _is_text(name):
                shown = _shorten(key.value) if isinstance(key, ScalarNode) else "a list or mapping"
                self._note(key, (*path, "?"), f"{shown} is no key; keys are words")
            elif name in taken:
                self._note(key, (*path, name), "this key stands here twice")
            else:
                self.places[*path, name] = _place(key)
                taken[name] = value
        for name, (key, value) in merged.items():
            if name not in taken:
                self.places[*path, name] = _place(key)
                taken[name] = value
        return {name: self.read(value, (*path, name)) for name, value in taken.items()}

    def _merged(self, node: Node, path: KeyPath) -> Iterator[tuple[str, tuple[Node, Node]]]:
        """Yield what a merge key brings; a mapping's own keys come before those that it merges itself."""
        self._count(node, path)
        if id(node) in self._within:
            self._note(node, path, "it holds itself")
            return
        self._within.add(id(node))
        if isinstance(node, SequenceNode):
            for each in node.value:
                yield from self._merged(each, path)
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                if isinstance(key, ScalarNode) and key.tag in _TEXT and key.tag != _TAG + "merge":
                    self._count(key, path)
                    yield key.value, (key, value)
            for key, value in node.value:
                if key.tag == _TAG + "merge":
                    yield from self._merged(value, path)
        else:
            self._note(node, path, "<< takes a mapping, or a list of mappings")
        self._within.remove(id(node))

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        text: str = node.value
        if node.tag in _TEXT:
            if not _is_text(text):
                self._note(node, path, "it holds half a character (a surrogate)")
            return text
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "int" | "float" as kind:
                try:
                    return int(text.replace("_", ""), 0) if kind == "int" else _float(text)
                except ValueError:
                    self._note(node, path, f"{_shorten(text)} is no number; put it in quotes, or write it plainly")
            case _:
                self._refuse_tag(node, path)
        return None

    def _refuse_tag(self, node: Node, path: KeyPath) -> None:
        self._note(node, path, f"the tag {str(node.tag).replace(_TAG, '!!')} means nothing here")


def _problem(node: Node, path: KeyPath, message: str) -> Problem:
    return Problem(message, write_path(path), *_place(node))


def _place(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _float(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _shorten(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
