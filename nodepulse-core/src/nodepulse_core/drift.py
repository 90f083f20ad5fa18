"""Schema drift: a field that a target's snapshots had, and have no more, since its exporter was changed.

A field that was never there is none: a machine without swap has no swap to miss. Neither is one that has no value
although all it is taken from is there, nor anything while the service itself is down: then its exporter has nothing
to tell. What was there is remembered over restarts.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from nodepulse_core.errors import NodePulseError
from nodepulse_core.exporter import Exporter, field_names_of, fields_of
from nodepulse_core.exposition import Exposition
from nodepulse_core.field_memory import FieldMemory, MissingField, Remembered
from nodepulse_core.model import Target, show_endpoint
from nodepulse_core.promql import find_absent
from nodepulse_core.units import format_duration

ENOUGH = 3
"""Snapshots in a row that must lack a field: one that an exporter leaves out once is no drift."""
EXPECTED_SECONDS = 7 * 86_400
"""How long a field is missed; then it is taken as gone for good, and told no more."""
_UP = "_up"
_MOST_NAMED = 5
log = logging.getLogger(__name__)


@frozen
class _Lack:
    """A field that recent snapshots lacked: the slot of the first, and how many there were."""

    since: int
    count: int = 1


@define
class _Known:
    """What is known of a target's fields."""

    type: str
    endpoint: str
    seen: set[str] = field(factory=set)
    missing: dict[str, MissingField] = field(factory=dict)
    lacking: dict[str, _Lack] = field(factory=dict)
    latest: int = 0


class Drift:
    """Compares every snapshot with those before. `check` is called from threads, `missing` from the event loop."""

    def __init__(self, memory: FieldMemory) -> None:
        """Take what remembers fields over restarts, and read it."""
        self._memory = memory
        self._lock = threading.Lock()
        self._targets = {
            name: _Known(
                each.type,
                each.endpoint,
                set(each.seen),
                {missing.name: missing for missing in each.missing},
                latest=max((missing.since for missing in each.missing), default=0),
            )
            for name, each in memory.read().items()
        }
        self._missing = {name: tuple(known.missing.values()) for name, known in self._targets.items()}
        self._failing = False

    def missing(self, target: str) -> tuple[MissingField, ...]:
        """Return the fields that a target's snapshots had, and have no more."""
        return self._missing.get(target, ())

    def check(
        self, target: Target, slot: int, exporter: Exporter, objects: Sequence[Mapping[str, Any]], text: str
    ) -> None:
        """Look at one snapshot, as its exporter made it of a text; says what has gone missing, and what is back.

        Nothing is raised: what is wrong here costs no entry. A slot before one that was looked at changes nothing.
        """
        names = frozenset(field_names_of(exporter))
        if not names or not objects or not target.endpoint or _is_down(names, objects):
            return
        found = names.intersection(*[set().union(*objects)])
        try:
            with self._lock:
                self._check(target, slot, exporter, found, text)
        except Exception:  # a defect of ours, or a plugin's kind of field that cannot be looked at
            log.exception("%s: its fields cannot be compared with those before", target.name)

    def _check(self, target: Target, slot: int, exporter: Exporter, found: frozenset[str], text: str) -> None:
        known = self._of(target)
        if slot <= known.latest:
            return
        known.latest = slot
        lacking = known.seen - found
        if not lacking and not known.lacking and not known.missing and found <= known.seen:
            return
        names = frozenset(field_names_of(exporter))
        changed = not found <= known.seen <= names
        known.seen &= names  # a plugin that no longer declares a field has nothing to miss
        known.missing = {name: each for name, each in known.missing.items() if name in names}
        known.seen |= found
        changed |= self._note_returned(target, known, found)
        changed |= self._note_lacking(target, slot, known, lacking & names, _Absence(exporter, text))
        changed |= self._forget_old(target, slot, known)
        self._missing = {**self._missing, target.name: tuple(known.missing.values())}
        if changed:
            self._keep()

    def _of(self, target: Target) -> _Known:
        """Return what is known of a target; of another exporter or endpoint under its name nothing is."""
        endpoint = show_endpoint(target.endpoint)
        known = self._targets.get(target.name)
        if known is None or (known.type, known.endpoint) != (target.type, endpoint):
            self._targets.pop(target.name, None)
            known = self._targets[target.name] = _Known(target.type, endpoint)
        return known

    def _note_returned(self, target: Target, known: _Known, found: frozenset[str]) -> bool:
        returned = [name for name in known.missing if name in found]
        for name in returned:
            lasted = format_duration(max(0, known.latest - known.missing.pop(name).since))
            log.info("%s: %s is there again, after %s", target.name, name, lasted)
        return bool(returned)

    def _note_lacking(
        self, target: Target, slot: int, known: _Known, lacking: frozenset[str] | set[str], absence: _Absence
    ) -> bool:
        before, known.lacking = known.lacking, {}
        gone: list[MissingField] = []
        for name in sorted(lacking - known.missing.keys()):
            reason = absence.explain(name, target.type)
            if reason is None:
                continue
            lack = before.get(name)
            lack = _Lack(slot) if lack is None else _Lack(lack.since, lack.count + 1)
            if lack.count < ENOUGH:
                known.lacking[name] = lack
            else:
                gone.append(MissingField(name, lack.since, reason))
        known.missing |= {each.name: each for each in gone}
        if gone:
            more = f"; and {len(gone) - _MOST_NAMED} more" if len(gone) > _MOST_NAMED else ""
            log.warning("%s: %s%s", target.name, "; ".join(map(str, gone[:_MOST_NAMED])), more)
        return bool(gone)

    def _forget_old(self, target: Target, slot: int, known: _Known) -> bool:
        old = [name for name, each in known.missing.items() if slot - each.since > EXPECTED_SECONDS]
        for name in old:
            del known.missing[name]
            known.seen.discard(name)
            lasted = format_duration(EXPECTED_SECONDS)
            log.warning("%s: %s has been missing for %s; it is no longer expected", target.name, name, lasted)
        return bool(old)

    def _keep(self) -> None:
        try:
            self._memory.write(
                {
                    name: Remembered(known.type, known.endpoint, frozenset(known.seen), tuple(known.missing.values()))
                    for name, known in self._targets.items()
                }
            )
            self._failing = False
        except NodePulseError as error:
            if not self._failing:
                log.warning("%s; after a restart it is not known which fields are missing", error)
            self._failing = True


@define
class _Absence:
    """Why a field has no value in a text, read where that is asked for."""

    exporter: Exporter
    text: str
    _exposition: Exposition | None = None

    def explain(self, name: str, type_: str) -> str | None:
        """Return what the text lacks for a field; None where it lacks nothing."""
        source = fields_of(self.exporter).get(name)
        if source is None:  # made by a function of the exporter's own
            return f"the snapshots of {type_} no longer have it"
        if self._exposition is None:
            self._exposition = Exposition(self.text)
        absent = find_absent(source, self._exposition)
        return f"{type_} no longer has {', '.join(absent)}" if absent else None


def _is_down(names: frozenset[str], objects: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a snapshot says that the service behind the exporter is down, as `redis_up: 0` does."""
    return any(value == 0 for each in objects for name, value in each.items() if name in names and name.endswith(_UP))
