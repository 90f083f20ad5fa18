"""The fleet: the targets that are scraped now, where each is from, and how they change while the agent runs.

    file ──────┐
    api ───────┼─▶ fleet ─▶ collect: a loop each
    discovery ─┘

A name belongs to the first of these that has it: what the file declares is never replaced by what was added or found.
What has not changed is not touched: its loop, its health and its next tick stay as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Literal

import attrs
from attrs import frozen

from nodepulse_core.collect import Collect, Job
from nodepulse_core.errors import NodePulseError
from nodepulse_core.exporter import Exporter
from nodepulse_core.model import Target, show_endpoint
from nodepulse_core.units import format_duration

Origin = Literal["file", "api", "discovery"]
"""Who brought a target: the configuration file, a caller of the API, or the search of this machine."""

_PLACES: dict[Origin, str] = {"file": "configuration file", "api": "API", "discovery": "search of this machine"}
_RANK: dict[Origin, int] = {"file": 0, "api": 1, "discovery": 2}


class NameTakenError(NodePulseError):
    """A name that another target has already; says where that one is from."""


@frozen
class Member:
    """A target and where it is from."""

    target: Target
    origin: Origin

    @property
    def place(self) -> str:
        """Where it is from, as errors say it."""
        return _PLACES[self.origin]


@frozen
class Change:
    """What became of the targets of one origin; `changed` says per name in which keys."""

    added: tuple[str, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"+{name}" for name in self.added]
        parts += [f"~{name}({how})" for name, how in self.changed]
        parts += [f"-{name}" for name in self.removed]
        parts += [f"={name}" for name in self.unchanged]
        return " ".join(parts) or "no targets"


class Fleet:
    """The targets by name. Every change ends with the loops as the fleet says; changes are made one at a time."""

    def __init__(self, collect: Collect, exporter: Callable[[Target], Exporter]) -> None:
        """Take the loops, and what finds a target's exporter; it may raise NodePulseError."""
        self._collect = collect
        self._exporter = exporter
        self._members: dict[str, Member] = {}
        self._changing = asyncio.Lock()

    def members(self) -> tuple[Member, ...]:
        """Return all targets in the order of their names, with where each is from."""
        return tuple(self._members[name] for name in sorted(self._members))

    def find(self, name: str) -> Member | None:
        """Return a target by its name; None where there is none."""
        return self._members.get(name)

    def check_name(self, name: str, origin: Origin) -> None:
        """Raise NameTakenError where a name belongs to a target that gives it up to none of this origin."""
        taken = self._members.get(name)
        if taken is not None and _RANK[origin] >= _RANK[taken.origin]:
            raise NameTakenError(f"the name {name!r} is taken by a target from the {taken.place}")

    async def add(self, target: Target, origin: Origin) -> None:
        """Scrape one more target, at once; raises NameTakenError where its name is taken."""
        async with self._changing:
            self.check_name(target.name, origin)
            if self._members.pop(target.name, None) is not None:
                await self._collect.remove(target.name)
            self._start(target, origin)

    async def remove(self, name: str) -> Member | None:
        """Stop scraping a target; returns it when its loop has ended, None where there is none of that name.

        What was scraped of it is still delivered.
        """
        async with self._changing:
            member = self._members.pop(name, None)
            if member is not None:
                await self._collect.remove(name)
            return member

    async def apply(self, targets: Iterable[Target], origin: Origin) -> Change:
        """Make the targets of an origin just these: start, restart and stop what differs, and nothing else.

        A target whose name belongs to an origin of a higher rank is left out. Raises NodePulseError, before
        anything is changed, where an exporter cannot be had.
        """
        async with self._changing:
            wanted = {target.name: target for target in targets if self._may_have(target.name, origin)}
            for target in wanted.values():
                self._exporter(target)
            mine = {name: member.target for name, member in self._members.items() if member.origin == origin}
            removed = [name for name in mine if name not in wanted]
            changed = [name for name in wanted if name in mine and wanted[name] != mine[name]]
            taken_over = [name for name in wanted if name in self._members and name not in mine]
            for name in (*removed, *changed, *taken_over):
                del self._members[name]
                await self._collect.remove(name)
            for name, target in wanted.items():
                if name not in self._members:
                    self._start(target, origin)
            return Change(
                added=tuple(sorted(name for name in wanted if name not in mine)),
                changed=tuple((name, describe_change(mine[name], wanted[name])) for name in sorted(changed)),
                removed=tuple(sorted(removed)),
                unchanged=tuple(sorted(name for name in mine if wanted.get(name) == mine[name])),
            )

    def _may_have(self, name: str, origin: Origin) -> bool:
        member = self._members.get(name)
        return member is None or _RANK[origin] <= _RANK[member.origin]

    def _start(self, target: Target, origin: Origin) -> None:
        self._collect.add(Job(target, self._exporter(target)))
        self._members[target.name] = Member(target, origin)


_SECONDS = {"interval", "timeout"}
_NEVER_SHOWN = {"access", "reach"}


def describe_change(old: Target, new: Target) -> str:
    """Say in which keys a target differs from what it was: `interval 30s→15s`; secrets are never shown."""
    return ", ".join(
        field.name
        if field.name in _NEVER_SHOWN or attrs.has(type(getattr(new, field.name)))
        else f"{field.name} {_write(field.name, old)}→{_write(field.name, new)}"
        for field in attrs.fields(Target)
        if getattr(old, field.name) != getattr(new, field.name)
    )


def _write(key: str, target: Target) -> str:
    value = getattr(target, key)
    if key == "endpoint":
        return show_endpoint(value)
    return format_duration(value) if key in _SECONDS else str(value)
