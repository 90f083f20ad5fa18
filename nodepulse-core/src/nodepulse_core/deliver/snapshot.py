"""From an entry to its snapshot: read, made by its exporter, changed by transforms, encoded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import orjson
from attrs import frozen

from nodepulse_core.deliver.strict import strict
from nodepulse_core.errors import EntryError, NodePulseError, UnavailableError
from nodepulse_core.exporter import Exporter, SnapshotObjects
from nodepulse_core.model import GENERIC, Entry, Snapshot, StoredScrape, Target
from nodepulse_core.units import format_slot

Transform = Callable[[dict[str, Any], Target], dict[str, Any]]

Check = Callable[[Target, int, Exporter, Sequence[Mapping[str, Any]], str], None]
"""Is told each snapshot as its exporter made it: the target, the slot, the exporter, the objects and their text."""

Fate = Literal["quarantine", "leave"]
"""What becomes of an entry that is not sent: put aside for good, or left on disk for the next start."""


@frozen
class Unfit:
    """An entry that no snapshot can be made of, why, and what becomes of it."""

    entry: Entry
    reason: str
    fate: Fate = "quarantine"


def _check_nothing(*_: object) -> None:
    """Let any snapshot be."""


class SnapshotMaker:
    """Makes snapshots. Blocking: it reads files and calls plugins, which may do anything but be trusted."""

    def __init__(
        self,
        read: Callable[[Entry], StoredScrape],
        target: Callable[[str], Target | None],
        exporter: Callable[[Target], Exporter | None],
        transform: Transform,
        check: Check = _check_nothing,
    ) -> None:
        """Take what reads an entry, what finds a target by name and its exporter, and the hooks.

        `exporter` returns None for a type that is not installed; `transform` may raise what it likes, `check` nothing.
        The target that they are given may have been made up for an entry: with the name and type, and nothing else.
        """
        self._read = read
        self._find_target = target
        self._exporter = exporter
        self._transform = transform
        self._check = check

    def make(self, entry: Entry) -> Snapshot | Unfit:
        """Return an entry's snapshot, or why there is none.

        Raises another StorageError where it cannot be read now, which says nothing about the entry.
        """
        try:
            stored = self._read(entry)
        except EntryError as error:
            return Unfit(entry, str(error))
        asked = entry.target
        try:
            target = self._target(entry, stored)
            if target is None:
                reason = f"{entry.target!r} is no configured target, and the file does not say its type"
                return Unfit(entry, reason, fate="leave")
            asked = target.type
            objects = [self._object(value, entry, target) for value in self._values(target, entry.slot, stored.text)]
            json = b",".join(orjson.dumps(value) for value in objects)
        except UnavailableError as error:
            return Unfit(entry, str(error), fate="leave")
        except NodePulseError as error:
            return Unfit(entry, str(error))
        except BaseException as error:  # noqa: BLE001 - a plugin's code: SystemExit must not end the agent
            return Unfit(entry, f"its snapshot cannot be made: {asked} raised {type(error).__name__}: {error}")
        key = target.name if target.type == GENERIC else target.type
        return Snapshot(entry, key, tuple(objects), json, stored.text)

    def _target(self, entry: Entry, stored: StoredScrape) -> Target | None:
        configured = self._find_target(entry.target)
        if configured is not None and stored.type in (None, configured.type):
            return configured
        # Its target was removed, or is of another type now: what was scraped is delivered as what it was.
        type_ = stored.type or entry.target
        target = Target(entry.target, type_, endpoint="", interval=0.0, timeout=0.0, payload="snapshot")
        return target if stored.type is not None or self._exporter(target) else None

    def _values(self, target: Target, slot: int, text: str) -> list[dict[str, Any]]:
        exporter = None if target.payload == "raw" or target.type == GENERIC else self._exporter(target)
        made: SnapshotObjects = exporter.snapshot(text) if exporter else None
        if exporter is None or made is None:
            return [{"raw_text": text}]
        values = [made] if isinstance(made, dict) else made
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise EntryError(f"its snapshot cannot be made: {target.type} returned no dict and no list of dicts")
        self._check(target, slot, exporter, values, text)
        return values

    def _object(self, value: dict[str, Any], entry: Entry, target: Target) -> dict[str, Any]:
        fields = self._transform(value, target)
        named = {} if target.type in {target.name, GENERIC} else {"instance": target.name}
        identity = {"timestamp": format_slot(entry.slot), **named}
        return identity | {name: strict(field) for name, field in fields.items() if name not in identity}
