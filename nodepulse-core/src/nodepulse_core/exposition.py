r"""The Prometheus text format 0.0.4: checked whole, stamped with a slot, and read metric by metric.

Nothing here walks an exposition line by line to take a few metrics from it. One regular expression
checks a whole body in C; a metric's series are found by searching for its name.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format, version 0.0.4).
Beyond it, exemplars (`# {…} 1.0` after a sample) and `\r\n` are accepted, since exporters write them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from nodepulse_core.errors import ExpositionError

# Greedy only: the possessive quantifiers of Python before 3.11.5 match what they must not (CPython issue 106052).
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
_STRING = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
_VALUE = (
    r"(?:[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|[+-]?[iI][nN][fF](?:inity)?|[nN][aA][nN])"
)
_LABELS = rf"\{{[ \t]*(?:{_LABEL}[ \t]*=[ \t]*{_STRING}[ \t]*(?:,[ \t]*|(?=\}})))*\}}"
_EXEMPLAR = r"#[^\n]*"

# Most lines of most exporters look like this, and a body of nothing else is stamped without a second look.
_PLAIN_LINE = rf"(?:#[^\n]*|{_NAME}(?:\{{(?:{_LABEL}={_STRING},?)*\}})? {_VALUE})?"
_ODD_LINE = re.compile(rf"\n(?!{_PLAIN_LINE}(?:\n|\Z))".encode())

_SAMPLE = rf"[ \t]*({_NAME})(?:[ \t]*({_LABELS}))?[ \t]+({_VALUE})(?:[ \t]+(-?[0-9]+))?[ \t]*({_EXEMPLAR})?"
_SAMPLE_TEXT = re.compile(rf"{_SAMPLE}\r?$", re.MULTILINE)
_LINE = re.compile(rf"(?:[ \t]*(?:#[^\n]*)?|{_SAMPLE})\r?".encode())
_LABEL_PAIR = re.compile(rf"({_LABEL})[ \t]*=[ \t]*({_STRING})")
_ESCAPE = re.compile(r"\\([\\n\"])")
_UNESCAPED = {"\\": "\\", "n": "\n", '"': '"'}
_SHOWN = 80
_HASH = ord("#")


@frozen
class Sample:
    """One sample of a series: its labels, its value, and its timestamp in milliseconds where it has one."""

    labels: Mapping[str, str]
    value: float
    timestamp: int | None = None


def stamp(body: bytes, slot: int) -> tuple[bytes, int]:
    """Check a body and give every sample without a timestamp the slot's; return it and the number of samples.

    The slot is in seconds, timestamps are written in milliseconds. Raises ExpositionError, naming the
    line, where the body is not UTF-8, not the text format, or cut short.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ExpositionError(f"line {line} is not UTF-8: byte 0x{body[error.start]:02x}") from None
    if body and not body.endswith(b"\n"):
        last = body.rsplit(b"\n", 1)[-1]
        raise ExpositionError(f"the last line is cut short: {_shown(last)}")
    suffix = b" %d000" % slot
    if not _ODD_LINE.search(b"\n" + body, 0, len(body)):
        stamped = b"\n".join([line + suffix if line and line[0] != _HASH else line for line in body.split(b"\n")])
        return stamped, (len(stamped) - len(body)) // len(suffix)
    return _stamp_carefully(body, suffix)


def _stamp_carefully(body: bytes, suffix: bytes) -> tuple[bytes, int]:
    stamped = []
    samples = 0
    for number, line in enumerate(body.split(b"\n"), start=1):
        match = _LINE.fullmatch(line)
        if not match:
            raise ExpositionError(f"line {number} is no sample: {_shown(line)}")
        if match[1] is None:
            stamped.append(line.rstrip(b"\r"))
            continue
        samples += 1
        name, labels, value, timestamp, exemplar = match.groups()
        parts = [name + (labels or b""), value, timestamp or suffix.strip()]
        stamped.append(b" ".join([*parts, exemplar.rstrip(b"\r")] if exemplar else parts))
    return b"\n".join(stamped), samples


def _shown(line: bytes) -> str:
    """Quote a line that came from outside: short, and without anything a terminal would obey."""
    text = line[:_SHOWN].decode(errors="replace")
    return repr(text) + ("…" if len(line) > _SHOWN else "")


class Exposition:
    """One exposition, from which series are taken by the name of their metric."""

    def __init__(self, text: str) -> None:
        """Take text that has passed `stamp`; other text gives what can be read of it."""
        self._text = "\n" + text
        self._taken: dict[str, tuple[Sample, ...]] = {}

    def samples(self, metric: str) -> tuple[Sample, ...]:
        """Return the samples of a metric in the order of the text; none where the metric is absent."""
        taken = self._taken.get(metric)
        if taken is None:
            taken = self._taken[metric] = tuple(self._find(metric))
        return taken

    def _find(self, metric: str) -> list[Sample]:
        found = []
        needle = "\n" + metric
        at = self._text.find(needle)
        while at >= 0:
            match = _SAMPLE_TEXT.match(self._text, at + 1)
            if match and match[1] == metric:
                found.append(
                    Sample(
                        labels=_read_labels(match[2]) if match[2] else {},
                        value=float(match[3]),
                        timestamp=int(match[4]) if match[4] else None,
                    )
                )
            at = self._text.find(needle, at + 1)
        return found


def _read_labels(text: str) -> dict[str, str]:
    pairs = _LABEL_PAIR.findall(text)
    if "\\" not in text:
        return {name: value[1:-1] for name, value in pairs}
    return {name: _ESCAPE.sub(lambda escape: _UNESCAPED[escape[1]], value[1:-1]) for name, value in pairs}
