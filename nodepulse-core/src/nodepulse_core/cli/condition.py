"""How the state of something is shown: a shape, a word and a colour, so that no one of them is needed."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

from attrs import frozen

from nodepulse_core.units import format_duration

_DAY = 86400


@frozen
class Mark:
    """What stands before something."""

    shape: str
    word: str
    colour: str

    def __str__(self) -> str:
        return f"{self.shape} {self.word}"


_MARKS = {
    "running": Mark("●", "up", "green"),
    "failed": Mark("✗", "down", "red"),
    "starting": Mark("○", "starting", "yellow"),
    "healthy": Mark("●", "healthy", "green"),
    "degraded": Mark("▲", "degraded", "yellow"),
    "unhealthy": Mark("✗", "unhealthy", "red"),
    "away": Mark("✗", "away", "red"),
}
_ASCII = {"●": "+", "✗": "x", "○": "o", "▲": "!"}


def mark(status: str) -> Mark:
    """Return the mark of a status of a target or an agent, in ASCII where the terminal knows nothing else."""
    found = _MARKS.get(status, Mark("○", clean(status), "yellow"))
    try:
        found.shape.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return Mark(_ASCII[found.shape], found.word, found.colour)
    return found


def clean(text: Any) -> str:
    """Return a text without control characters: what a target said must not steer a terminal."""
    return "".join(each if each.isprintable() else "�" for each in " ".join(str(text).split()))


def ago(then: str | None, now: str) -> str:
    """Say how long ago something was, by the agent's clock; `-` where it was not yet."""
    if then is None:
        return "-"
    return f"{format_age(seconds_between(then, now))} ago"


def seconds_between(then: str, now: str) -> float:
    """Return the seconds between two times of a report, at least 0."""
    return max(0.0, (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds())


def format_age(seconds: float) -> str:
    """Write an age with at most two units: `3d4h`, `12m5s`."""
    whole = int(seconds)
    for unit in (_DAY, 3600, 60):
        if whole >= unit:
            smaller = {_DAY: 3600, 3600: 60, 60: 1}[unit]
            return format_duration(whole - whole % smaller)
    return format_duration(whole)
