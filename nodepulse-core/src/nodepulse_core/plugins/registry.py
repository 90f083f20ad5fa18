"""Exporters by type, each loaded when it is first asked for."""

from __future__ import annotations

import logging

from nodepulse_core.errors import PluginError
from nodepulse_core.exporter import Exporter
from nodepulse_core.plugins.host import PluginHost

_METHODS = ("scrape", "snapshot", "detect")
log = logging.getLogger(__name__)


class Registry:
    """The exporters that this machine has."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._exporters: dict[str, Exporter] = {}
        self._missed: set[str] = set()

    def names(self) -> list[str]:
        """Return the types that are installed, whether they can be loaded or not; imports nothing."""
        return self._host.exporter_names()

    def load(self, type_: str) -> Exporter:
        """Return the exporter of a type; raises PluginError where there is none, or it is broken."""
        exporter = self._exporters.get(type_)
        if exporter is None:
            exporter = self._exporters[type_] = self._load(type_)
        return exporter

    def loaded(self) -> tuple[Exporter, ...]:
        """Return the exporters that were asked for so far."""
        return tuple(self._exporters.values())

    def find(self, type_: str) -> Exporter | None:
        """Return the exporter of a type; None, said once, where there is none that works."""
        if type_ in self._missed:
            return None
        try:
            return self.load(type_)
        except PluginError as error:
            self._missed.add(type_)
            log.warning("%s; what was scraped of that type is sent as raw text", error)
            return None

    def _load(self, type_: str) -> Exporter:
        plugin = self._host.find(type_)
        if plugin is None:
            known = ", ".join(self.names()) or "none"
            raise PluginError(f"there is no exporter {type_!r}; installed are: {known}")
        module = self._host.load(plugin)
        brought = [exporter for _, exporter in self._host.collect("nodepulse_exporters", module)]
        if (broken := self._host.error(plugin)) is not None:
            raise PluginError(f"{type_} of {plugin.origin} is broken: {broken}")
        for exporter in brought:
            if getattr(exporter, "name", None) == type_:
                fault = _find_fault(exporter)
                if fault:
                    raise self._host.break_down(plugin, fault)
                return exporter  # type: ignore[no-any-return]  # a plugin's object, just checked against the protocol
        names = ", ".join(str(getattr(exporter, "name", exporter)) for exporter in brought) or "none"
        raise self._host.break_down(plugin, f"its entry point is named {type_!r}, but it brings {names}")


def _find_fault(exporter: object) -> str | None:
    """Return in what an object is no exporter; None where it is one."""
    missing = [name for name in _METHODS if not callable(getattr(exporter, name, None))]
    if missing:
        return f"its exporter lacks {', '.join(missing)}"
    if not isinstance(getattr(exporter, "default_endpoint", None), str):
        return "its exporter's default_endpoint is no string"
    interval = getattr(exporter, "default_interval", None)
    if not isinstance(interval, int | float) or not interval >= 1:
        return f"its exporter's default_interval is {interval!r}, where seconds, at least 1, are due"
    return None
