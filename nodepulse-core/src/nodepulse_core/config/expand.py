"""`${VAR}`, `${VAR:-default}` and `${VAR:?message}` inside string values; `$$` is a dollar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nodepulse_core.config.document import Document, KeyPath
from nodepulse_core.errors import Problem

_REFERENCE = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([^}]*))?\}|(\{))")


def expand(document: Document, environ: Mapping[str, str]) -> tuple[dict[str, Any], frozenset[KeyPath], list[Problem]]:
    """Return the data with its references replaced, the paths of values that had any, and what is wrong with them."""
    problems: list[Problem] = []
    expanded: set[KeyPath] = set()

    def replace(text: str, path: KeyPath) -> str:
        def value_of(match: re.Match[str]) -> str:
            dollar, name, operator, word, unfinished = match.groups()
            if dollar:
                return "$"
            if unfinished:
                problems.append(document.problem(path, f"a ${{ in {text!r} is no reference; write $$ for a dollar"))
                return match[0]
            expanded.add(path)
            value = environ.get(name)
            if operator == ":-":
                return value or word
            if operator == ":?" and not value:
                problems.append(document.problem(path, f"{name} is not set: {word or 'it is required'}"))
                return ""
            if value is None:
                problems.append(document.problem(path, f"{name} is not set; set it, or write ${{{name}:-default}}"))
                return ""
            return value

        return _REFERENCE.sub(value_of, text) if "$" in text else text

    def walk(node: Any, path: KeyPath) -> Any:
        if isinstance(node, str):
            return replace(node, path)
        if isinstance(node, dict):
            return {key: walk(value, (*path, key)) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value, (*path, index)) for index, value in enumerate(node)]
        return node

    return walk(document.data, ()), frozenset(expanded), problems
