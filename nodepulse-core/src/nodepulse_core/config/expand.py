"""`${VAR}`, `${VAR:-default}` and `${VAR:?message}` inside string values; `$$` is a dollar. Bare names of files.

Of a key that ends in `_file`, a name without a slash is that of a credential, where systemd has given some.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from nodepulse_core.config.document import Document
from nodepulse_core.config.paths import KeyPath
from nodepulse_core.errors import Problem

_REFERENCE = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([^}]*))?\}|(\{))")


class Expanded(str):
    """A string that the environment had a part in; it is shown as it is written in the file, never as what it holds.

    What the environment holds may be a secret, whatever key it stands under, and messages show values by their repr.
    """

    __slots__ = ("written",)
    written: str

    def __new__(cls, value: str, written: str) -> Expanded:
        """Make one from what it holds, and what the file says."""
        made = super().__new__(cls, value)
        made.written = written
        return made

    def __repr__(self) -> str:
        return repr(self.written)


@frozen
class Expansion:
    """The data with its references replaced, the paths of values that had any, and what is wrong with them."""

    data: dict[str, Any] = field(repr=False)
    paths: frozenset[KeyPath]
    problems: tuple[Problem, ...]


def expand(document: Document, environ: Mapping[str, str]) -> Expansion:
    """Replace the references of a document by what the environment holds."""
    problems: list[Problem] = []
    expanded: set[KeyPath] = set()
    credentials = environ.get("CREDENTIALS_DIRECTORY")

    def replace(text: str, path: KeyPath) -> str:
        def value_of(match: re.Match[str]) -> str:
            dollar, name, operator, word, unfinished = match.groups()
            if dollar:
                return "$"
            value = None if unfinished else environ.get(name)
            wrong = "a ${ here is no reference; write $$ for a dollar" if unfinished else None
            if operator == ":-":
                value = value or word
            elif operator == ":?" and not value:
                wrong = f"{name} is not set: {' '.join(word.split()) or 'it is required'}"
            elif value is None and not unfinished:
                wrong = f"{name} is not set; set it, or write ${{{name}:-default}}"
            elif value is not None and not value.isascii() and not _is_text(value):
                wrong = f"what {name} holds is not UTF-8"
            if wrong:
                problems.append(document.problem(path, wrong))
            expanded.add(path)
            return value or ""

        held = _REFERENCE.sub(value_of, text)
        return Expanded(held, text) if path in expanded else held

    def place(text: str, path: KeyPath) -> str | None:
        if not _names_a_file(path) or not text or text.startswith(("/", "~")):
            return text
        if isinstance(text, Expanded):  # a secret itself, by mistake: as a path it would be in every message
            problems.append(document.problem(path, "what the environment holds for it is no absolute path"))
            return None
        return text if "/" in text or not credentials else f"{credentials.rstrip('/')}/{text}"

    def walk(node: Any, path: KeyPath) -> Any:
        if isinstance(node, str):
            return place(replace(node, path) if "$" in node else node, path)
        if isinstance(node, dict):
            return {key: walk(value, (*path, key)) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value, (*path, index)) for index, value in enumerate(node)]
        return node

    return Expansion(walk(document.data, ()), frozenset(expanded), tuple(problems))


def _names_a_file(path: KeyPath) -> bool:
    return bool(path) and str(path[-1]).endswith("_file") and "headers" not in path


def _is_text(value: str) -> bool:
    """Tell whether a variable's bytes were UTF-8; those that are not, Python keeps as surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
