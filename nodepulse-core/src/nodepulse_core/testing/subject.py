"""What is checked: one exporter, with everything that its checks need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import frozen

from nodepulse_core.errors import PluginError
from nodepulse_core.exporter import Exporter, schemes_of
from nodepulse_core.exposition import stamp
from nodepulse_core.model import Entry, Snapshot, StoredScrape, Target, Window
from nodepulse_core.plugins import Installed, PluginHost, Registry
from nodepulse_core.testing.project import Project
from nodepulse_core.testing.verdict import SkippedError

SLOT = 1_800_000_000
"""The slot of every scrape that is made for a check."""


@frozen(slots=False)
class Subject:
    """One plugin, and what is known of it.

    `project` is the source tree that it is imported from; None: it is installed. `readme` is None where that is not
    known. `recorded` are texts that its exporter answered with. `fractions` are the fields that may be no whole number;
    None: not known. `made` gives the text that it collects by itself. `endpoints` are those of its other schemes, with
    `{port}` in place of the port.
    """

    plugin: Installed
    project: Project | None = None
    readme: str | None = None
    recorded: tuple[Path, ...] = ()
    fractions: frozenset[str] | None = None
    made: Callable[[], str] | None = None
    endpoints: tuple[str, ...] = ()
    others: tuple[Installed, ...] = ()
    """What is installed beside it."""

    @cached_property
    def host(self) -> PluginHost:
        """The plugins: this one, and those beside it."""
        own = self.project.plugins if self.project else (self.plugin,)
        names = {(each.group, each.name) for each in own}
        beside = tuple(each for each in self.others if (each.group, each.name) not in names)
        return PluginHost(lambda: (*own, *beside))

    @cached_property
    def registry(self) -> Registry:
        """The exporters, each as the agent would use it."""
        return Registry(self.host)

    @cached_property
    def exporter(self) -> Exporter:
        """The exporter itself; raises PluginError where the agent would refuse it."""
        self.registry.load(self.plugin.name)
        brought: Iterable[Exporter] = self.host.exporters(self.plugin)
        return next(each for each in brought if each.name == self.plugin.name)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The recorded texts, stamped as the buffer keeps them; raises SkippedError where there is none."""
        if not self.recorded:
            raise SkippedError("there is no recorded text")
        return tuple(stamp(path.read_bytes(), SLOT)[0].decode() for path in self.recorded)

    @property
    def reads_http(self) -> bool:
        """Whether an endpoint of it may be of http."""
        return "http" in schemes_of(self.exporter)

    def target(self, endpoint: str, **settings: Any) -> Target:
        """Return a target of this exporter."""
        given: dict[str, Any] = {"interval": 15.0, "timeout": 3.0, "payload": "snapshot", **settings}
        return Target(self.plugin.name, self.plugin.name, endpoint, **given)

    def objects(self, text: str) -> list[dict[str, Any]]:
        """Return the objects that the exporter makes of a stamped text; raises SkippedError where it sends raw text."""
        made = self.exporter.snapshot(text)
        if made is None:
            raise SkippedError("the exporter has no snapshot: it sends the raw text")
        objects = [made] if isinstance(made, dict) else made
        if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
            raise PluginError(f"its snapshot is of type {type(made).__name__}, where a dict or a list of dicts is due")
        return objects

    def values(self, text: str) -> dict[tuple[str, ...], Any]:
        """Return every value of a snapshot, by the texts that tell its object from the others, and its field."""
        found = {}
        for each in self.objects(text):
            texts = tuple(str(value) for _, value in sorted(each.items()) if isinstance(value, str))
            found.update({(*texts, name): value for name, value in each.items() if not isinstance(value, str)})
        return found

    def carry(self, text: str) -> Snapshot:
        """Return what the wire carries of a stamped text; raises PluginError where the agent would quarantine it."""
        from nodepulse_core.deliver import SnapshotMaker  # noqa: PLC0415 - what a check does not need it does not load

        targets: Mapping[str, Target] = {self.plugin.name: self.target(self.exporter.default_endpoint)}
        maker = SnapshotMaker(
            read=lambda _: StoredScrape(self.plugin.name, text),
            target=targets.get,
            exporter=lambda _: self.exporter,
            transform=lambda snapshot, _: snapshot,
        )
        made = maker.make(Entry(Window(SLOT, "check"), self.plugin.name))
        if not isinstance(made, Snapshot):
            raise PluginError(made.reason)
        return made
