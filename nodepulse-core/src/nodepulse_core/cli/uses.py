"""Which targets use which exporters, as the configuration and what was added at run time say it.

This is for commands that look at plugins: they work, and say what they do not know, where a configuration cannot be
read or is wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from nodepulse_core.cli.context import Context
from nodepulse_core.errors import ConfigError, NodePulseError
from nodepulse_core.model import GENERIC

if TYPE_CHECKING:
    from nodepulse_core.config import Settings


@frozen
class Use:
    """A target that is scraped, the exporter it asks for, and whether it works as raw text without it."""

    target: str
    type: str
    optional: bool


@frozen
class Uses:
    """All uses; `unknown` says why some are not known."""

    uses: tuple[Use, ...] = ()
    unknown: str | None = None

    def by_type(self) -> Mapping[str, list[str]]:
        """Return the targets of each exporter."""
        found: dict[str, list[str]] = defaultdict(list)
        for use in self.uses:
            found[use.type].append(use.target)
        return found


def find_uses(context: Context) -> Uses:
    """Return what the enabled targets use; imports no plugin, and raises nothing for a wrong configuration."""
    if not context.has_configuration():
        return Uses()
    try:
        settings = context.read().settings
    except ConfigError as error:
        return Uses(unknown=str(error).splitlines()[0])
    return read_uses(settings, context.environ)


def read_uses(settings: Settings, environ: Mapping[str, str]) -> Uses:
    """Return what the enabled targets of some settings use, and those that were added at run time."""
    declared = tuple(_declared(settings))
    try:
        return Uses((*declared, *_added(settings, environ)))
    except NodePulseError as error:  # of another user, for instance: what the file declares is known all the same
        return Uses(declared, str(error))


def _declared(settings: Settings) -> Iterator[Use]:
    for exporter in settings.exporters:
        if exporter.enabled and exporter.type != GENERIC:
            optional = exporter.type is None and exporter.endpoint is not None
            yield Use(exporter.name, exporter.type or exporter.name, optional)


def _added(settings: Settings, environ: Mapping[str, str]) -> Iterator[Use]:
    from nodepulse_core.config import AddedTargets, find_state_dir  # noqa: PLC0415 - only with a configuration

    for name, given in AddedTargets(find_state_dir(settings, environ)).read().items():
        if given.get("type") != GENERIC:
            yield Use(name, str(given.get("type") or name), given.get("type") is None and "endpoint" in given)
