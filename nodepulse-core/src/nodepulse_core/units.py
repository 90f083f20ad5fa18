"""Durations, sizes and slots: read from text, written for people.

Durations are seconds as float, sizes are bytes as int, slots are whole seconds since the epoch (UTC).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_STEP = 1024
_SIZE_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _SIZE_UNITS |= {_letter: _STEP**_power, f"{_letter}b": _STEP**_power, f"{_letter}ib": _STEP**_power}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", re.ASCII)


def parse_duration(text: str) -> float:
    """Return the seconds of `15s`, `1m`, `1m30s`, `500ms` or `2h`.

    Raises ValueError with a sentence that shows how a duration is written.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration; write it like 15s, 1m or 1m30s")
    return sum(float(number) * _DURATION_UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def format_duration(seconds: float) -> str:
    """Write seconds as `parse_duration` reads them, with the largest units first: `1m30s`."""
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    milliseconds = round(seconds * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """Return the bytes of `16MiB`, `1GiB`, `512k` or `1000`; units are powers of 1024.

    Raises ValueError with a sentence that shows how a size is written.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = match and _SIZE_UNITS.get(match[2].lower())
    if not match or not unit:
        raise ValueError(f"{text!r} is no size; write it like 16MiB, 1GiB or 1048576")
    return int(float(match[1]) * unit)


def format_size(size: float) -> str:
    """Write bytes for people, in powers of 1024: `16MiB`, `1.5GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < _STEP:
            return _short(size) + unit
        size /= _STEP
    return _short(size) + "TiB"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def format_slot(slot: int) -> str:
    """Write a slot as the wire does: `2025-10-30T14:00:00Z`."""
    return datetime.fromtimestamp(slot, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
