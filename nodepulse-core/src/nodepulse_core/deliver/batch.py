"""From entries to a batch: each is read, made a snapshot of, and encoded once, as the wire carries it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from attrs import frozen

from nodepulse_core.errors import EntryError, NodePulseError
from nodepulse_core.exporter import Exporter, SnapshotObjects
from nodepulse_core.model import GENERIC, Batch, Entry, Snapshot, StoredScrape, Target
from nodepulse_core.units import format_slot

_INTEGER_LIMITS = range(-(2**63), 2**64)

Transform = Callable[[dict[str, Any], Target], dict[str, Any]]


@frozen
class Unfit:
    """An entry that cannot be made a snapshot of, and why. `ours` says whether it is ours to put aside."""

    entry: Entry
    reason: str
    ours: bool = True


@frozen
class Made:
    """A batch, and the entries that are not in it."""

    batch: Batch
    unfit: tuple[Unfit, ...]


class BatchMaker:
    """Makes batches. Blocking: it reads files and calls plugins, so it is run in a thread."""

    def __init__(
        self,
        read: Callable[[Entry], StoredScrape],
        target: Callable[[str], Target | None],
        exporter: Callable[[str], Exporter | None],
        transform: Transform,
    ) -> None:
        """Take what reads an entry, what finds a target by name and an exporter by type, and the hooks.

        `exporter` returns None for a type that is not installed; `transform` may raise what it likes.
        """
        self._read = read
        self._find_target = target
        self._exporter = exporter
        self._transform = transform

    def make(self, entries: Iterable[Entry]) -> Made:
        """Return a batch of those entries, which are of one server_id, that can be made a snapshot of."""
        snapshots, unfit = [], []
        server_id = ""
        for entry in entries:
            server_id = entry.window.server_id
            made = self._snapshot(entry)
            if isinstance(made, Snapshot):
                snapshots.append(made)
            else:
                unfit.append(made)
        return Made(Batch(server_id, tuple(snapshots)), tuple(unfit))

    def _snapshot(self, entry: Entry) -> Snapshot | Unfit:
        try:
            stored = self._read(entry)
        except EntryError as error:
            return Unfit(entry, str(error))
        target = self._target(entry, stored)
        if target is None:
            reason = f"{entry.target!r} is no configured target, and the file does not say its type"
            return Unfit(entry, reason, ours=False)
        try:
            objects = [self._object(value, entry, target) for value in self._values(target, stored.text)]
            json = b",".join(orjson.dumps(value) for value in objects)
        except NodePulseError as error:
            return Unfit(entry, str(error))
        except BaseException as error:  # noqa: BLE001 - a plugin's code: SystemExit must not end the agent
            return Unfit(entry, f"its snapshot cannot be made: {target.type} raised {type(error).__name__}: {error}")
        key = target.name if target.type == GENERIC else target.type
        return Snapshot(entry, key, tuple(objects), json, stored.text)

    def _target(self, entry: Entry, stored: StoredScrape) -> Target | None:
        configured = self._find_target(entry.target)
        if configured is not None and stored.type in (None, configured.type):
            return configured
        type_ = stored.type or (entry.target if self._exporter(entry.target) else None)
        if type_ is None:
            return None
        # Its target was removed, or is of another type now: what was scraped is delivered as what it was.
        return Target(entry.target, type_, endpoint="", interval=0.0, timeout=0.0, payload="snapshot")

    def _values(self, target: Target, text: str) -> list[dict[str, Any]]:
        exporter = None if target.payload == "raw" or target.type == GENERIC else self._exporter(target.type)
        made: SnapshotObjects = exporter.snapshot(text) if exporter else None
        if made is None:
            return [{"raw_text": text}]
        values = [made] if isinstance(made, dict) else made
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise EntryError(f"its snapshot cannot be made: {target.type} returned no dict and no list of dicts")
        return values

    def _object(self, value: dict[str, Any], entry: Entry, target: Target) -> dict[str, Any]:
        fields = self._transform(value, target)
        named = {} if target.type in {target.name, GENERIC} else {"instance": target.name}
        identity = {"timestamp": format_slot(entry.slot), **named}
        return identity | {name: _strict(field) for name, field in fields.items() if name not in identity}


def _strict(value: Any) -> Any:
    """Write whole floats as integers, as readers with 64-bit integers need them; orjson writes NaN as null."""
    if isinstance(value, float) and value.is_integer() and int(value) in _INTEGER_LIMITS:
        return int(value)
    return value
