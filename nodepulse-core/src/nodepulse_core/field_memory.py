"""Which fields each target's snapshots had, and which of them are missing, kept over restarts.

They are kept in `<state_dir>/fields.json`, which is written when that changes: at a target's first snapshot, and when
its exporter is changed. It is not forced to disk: what a power cut takes is learned again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from nodepulse_core.errors import NodePulseError
from nodepulse_core.units import format_slot

_NAME = "fields.json"
MOST_TARGETS = 1000
"""How many targets are remembered; those that were new longest ago are forgotten first."""
log = logging.getLogger(__name__)


@frozen
class MissingField:
    """A field that was there: its name, the slot of the first snapshot without it, and what it was taken from."""

    name: str
    since: int
    reason: str

    def __str__(self) -> str:
        return f"{self.name} has been missing since {format_slot(self.since)}: {self.reason}"


@frozen
class Remembered:
    """What is kept of one target; of its endpoint only what may be shown."""

    type: str
    endpoint: str
    seen: frozenset[str]
    missing: tuple[MissingField, ...]


class FieldMemory:
    """The file. Blocking; written whole, to a temporary name at first."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / _NAME

    def read(self) -> dict[str, Remembered]:
        """Return what is remembered, by target; nothing, and that is said, where the file cannot be read."""
        try:
            return {str(name): _read(each) for name, each in json.loads(self._path.read_bytes()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it holds no fields"
            log.warning("cannot read %s: %s; which fields targets had is learned again", self._path, why)
            return {}

    def write(self, targets: Mapping[str, Remembered]) -> None:
        """Remember these, and no others; raises NodePulseError, naming the file, where that cannot be done."""
        kept = list(targets.items())[-MOST_TARGETS:]
        temporary = self._path.with_name(f".{_NAME}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(file, "w") as stream:
                json.dump({name: _write(each) for name, each in kept}, stream)
            temporary.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise NodePulseError(f"cannot keep which fields targets have in {self._path}: {error.strerror}") from error


def _read(given: Mapping[str, Any]) -> Remembered:
    missing = (MissingField(str(each["name"]), int(each["since"]), str(each["reason"])) for each in given["missing"])
    seen = frozenset(map(str, given["seen"]))
    return Remembered(str(given["type"]), str(given["endpoint"]), seen, tuple(missing))


def _write(each: Remembered) -> dict[str, Any]:
    missing = [{"name": one.name, "since": one.since, "reason": one.reason} for one in each.missing]
    return {"type": each.type, "endpoint": each.endpoint, "seen": sorted(each.seen), "missing": missing}
