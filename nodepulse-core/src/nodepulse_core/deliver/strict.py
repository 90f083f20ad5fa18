"""Values as strict JSON carries them to readers with 64-bit integers."""

from __future__ import annotations

from typing import Any

_INTEGERS = range(-(2**63), 2**64)
_DEEPEST = 64


def strict(value: Any, depth: int = 0) -> Any:
    """Return a value with each whole float in it as an integer; orjson writes NaN and infinities as null.

    Raises ValueError where it is nested more than 64 levels deep, which a value that contains itself is.
    """
    if isinstance(value, float):
        return int(value) if value.is_integer() and int(value) in _INTEGERS else value
    if isinstance(value, dict | list | tuple):
        if depth == _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
        if isinstance(value, dict):
            return {key: strict(each, depth + 1) for key, each in value.items()}
        return [strict(each, depth + 1) for each in value]
    return value
