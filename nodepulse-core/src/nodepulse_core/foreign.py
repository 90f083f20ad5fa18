"""Foreign text and foreign exceptions as one line that a terminal and a log can take."""

from __future__ import annotations

_LONGEST = 500


def describe(error: BaseException) -> str:
    """Return the type and text of what was raised, on one line; the text itself may raise."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - a plugin's exception, and a plugin's __str__
        text = "(its text cannot be read)"
    return one_line(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def one_line(text: str) -> str:
    """Return foreign text as one line that a terminal and a log can take: printable, and of a bounded length."""
    line = "".join(each if each.isprintable() else " " for each in text[: 4 * _LONGEST])
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
