"""Where in a configuration something stands: the keys that lead to it, and its line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

Key = str | int
KeyPath = tuple[Key, ...]
Place = tuple[int, int]
"""Line and column, from 1."""

_PLAIN = re.compile(r"[A-Za-z0-9_<?-]+")


def write_path(path: KeyPath) -> str:
    """Write a path as people do: `exporters[1].retry.backoff`. A key that is no plain word is put in quotes."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _PLAIN.fullmatch(key):
            text += f".{key}" if text else key
        else:
            text += f"[{key!r}]"
    return text


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `; did you mean 'x'?` for a near miss, else the known words."""
    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
