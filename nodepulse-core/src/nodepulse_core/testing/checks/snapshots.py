"""What an exporter makes of the texts that were recorded of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from nodepulse_core.errors import ExpositionError
from nodepulse_core.exporter import field_names_of
from nodepulse_core.exposition import stamp
from nodepulse_core.foreign import describe
from nodepulse_core.testing.subject import SLOT, Subject
from nodepulse_core.testing.verdict import SkippedError, UnmetError

_INTEGERS = range(-(2**63), 2**63)
_OURS = {"timestamp", "instance"}
_OTHER = "# HELP other Something else.\nother 1 1800000000000\n"
_KINDS = (str, int, float, bool, type(None))


def recorded_texts_are_expositions(subject: Subject) -> None:
    """Hold every recorded text to the text format."""
    if not subject.recorded:
        raise SkippedError(
            f"there is none; record one: curl -s ENDPOINT > tests/{subject.plugin.name}.prom, then check the source "
            "tree, or name the file with --recorded"
        )
    for path in subject.recorded:
        try:
            samples = stamp(path.read_bytes(), SLOT)[1]
        except OSError as error:
            told = f"{path} cannot be read: {error.strerror}"
            raise UnmetError(told, "Record it: curl -s ENDPOINT > FILE, or name the file that is there.") from None
        except ExpositionError as error:
            raise UnmetError(f"{path.name}: {error}", "Record it again, whole: curl -s ENDPOINT > FILE.") from None
        if not samples:
            raise UnmetError(f"{path.name} holds no sample", "Record it again while the exporter answers.")


def fields_are_complete(subject: Subject) -> None:
    """Hold every declared field to a value in one of the texts."""
    found = {name for text in subject.texts for each in subject.objects(text) for name in each}
    declared = field_names_of(subject.exporter)
    missing = [name for name in declared if name not in found]
    if missing:
        raise UnmetError(
            f"no recorded text has a value for {', '.join(missing)}",
            "Look up the metrics' names in the text; or record one more text, in which they are.",
        )
    if not found:
        raise UnmetError("the snapshot of the recorded text is empty", "Look up the metrics' names in the text.")


def snapshots_are_strict(subject: Subject) -> None:
    """Hold snapshots to what JSON can say, to what a 64-bit reader can read, and to being repeatable."""
    for text in subject.texts:
        for name, value in _values(subject.objects(text)):
            if name in _OURS:
                raise UnmetError(f"a snapshot has the field {name}", "The agent sets it; name the field otherwise.")
            if not isinstance(value, _KINDS):
                raise UnmetError(
                    f"the field {name} is of type {type(value).__name__}", "Return text, numbers, lists and dicts only."
                )
            if isinstance(value, int) and value not in _INTEGERS:
                raise UnmetError(f"the field {name} is {value}", "Readers keep 64 bits; give a float, or leave it out.")
            if isinstance(value, float) and not math.isfinite(value):
                raise UnmetError(f"the field {name} is {value}", "JSON has no such number; return None in its place.")
        snapshot = subject.carry(text)
        if not all(isinstance(each, dict) for each in json.loads(b"[" + snapshot.json + b"]")):
            raise UnmetError("the wire would not carry objects", "Return a dict, or a list of dicts.")
        if subject.objects(text) != subject.objects(text):
            raise UnmetError(
                "two snapshots of one text differ",
                "Make it of the text alone, without time and state: it is made again for every try to deliver.",
            )


def whole_numbers_are_integers(subject: Subject) -> None:
    """Hold every number to being an integer on the wire, but for those that were announced as fractions."""
    if subject.fractions is None:
        raise SkippedError("which fields may be fractions is not known; the suite's `fractions` names them")
    for text in subject.texts:
        for name, value in _values(json.loads(b"[" + subject.carry(text).json + b"]")):
            if isinstance(value, float) and name not in subject.fractions:
                raise UnmetError(
                    f"the field {name} is {value!r}, and readers keep 64-bit integers",
                    f'Cut it with Integer(…); or, if it may be a fraction, add "{name}" to the suite\'s fractions.',
                )


def absent_metrics_are_left_out(subject: Subject) -> None:
    """Take metrics from a text one by one: their fields go, all others stay as they are, and nothing appears."""
    invented = _objects(subject, _OTHER, "a text without any of its metrics")
    if any(invented):
        named = ", ".join(sorted({name for each in invented for name in each}))
        raise UnmetError(
            f"from a text without its metrics it still makes {named}",
            "Leave a field out when its metric is absent: an invented zero looks like a measured one.",
        )
    for text in subject.texts:
        whole = subject.values(text)
        lines = text.splitlines(keepends=True)
        for metric in sorted({_metric(line) for line in lines} - {""}):
            rest = "".join(line for line in lines if _metric(line) != metric)
            _objects(subject, rest, f"a text without {metric}")
            made = subject.values(rest)
            changed = [key[-1] for key, value in made.items() if key not in whole or whole[key] != value]
            if changed:
                raise UnmetError(
                    f"without {metric}, {', '.join(sorted(set(changed)))} changes or appears",
                    "Leave out a field that lacks one of its metrics; what is left must be what it was.",
                )


def _objects(subject: Subject, text: str, what: str) -> list[dict[str, Any]]:
    try:
        return subject.objects(text)
    except SkippedError:
        raise
    except Exception as error:
        told = f"of {what} no snapshot can be made: {describe(error)}"
        raise UnmetError(told, "Leave out what is absent; do not count on it being there.") from error


def _metric(line: str) -> str:
    return "" if line.startswith("#") else line.split("{", maxsplit=1)[0].split(" ", maxsplit=1)[0].strip()


def _values(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a snapshot with its field, those inside of lists and dicts too."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _values(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each, name)
    else:
        yield name, value
