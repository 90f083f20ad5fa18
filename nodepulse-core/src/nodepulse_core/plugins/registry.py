"""Exporters by type, each loaded when it is first asked for."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from nodepulse_core.errors import PluginError
from nodepulse_core.exporter import (
    Description,
    Exporter,
    access_of,
    describe,
    field_names_of,
    fields_of,
    ports_of,
    schemes_of,
)
from nodepulse_core.fields import Field
from nodepulse_core.foreign import one_line
from nodepulse_core.own import OWN, OwnExporter
from nodepulse_core.plugins.guard import guarded
from nodepulse_core.plugins.host import PluginHost
from nodepulse_core.plugins.metadata import Installed

_METHODS = {"scrape": ("target", "http"), "snapshot": ("text",), "detect": ("text",)}
_PORTS = 2**16
log = logging.getLogger(__name__)


@frozen
class Checked:
    """An exporter of a plugin, as it was when it was checked: nothing of it is looked up again."""

    name: str
    default_endpoint: str
    default_interval: float
    scrape: Callable[..., Any]
    snapshot: Callable[..., Any]
    detect: Callable[..., Any]
    schemes: tuple[str, ...]
    ports: tuple[int, ...]
    fields: dict[str, Field]
    field_names: tuple[str, ...]
    access: str
    close: Callable[[], Any]


class Registry:
    """The exporters that this machine has."""

    def __init__(
        self, host: PluginHost, describe_apart: Callable[[Sequence[Installed]], Description] | None = None
    ) -> None:
        """Take the plugins, and what describes an exporter without importing it in this process.

        That is given the entry points of the exporter's module, its own first, and may raise PluginError.
        """
        self._host = host
        self._describe_apart = describe_apart
        self._exporters: dict[str, Exporter] = {}
        self._missed: set[str] = set()

    def names(self) -> list[str]:
        """Return the types that are installed, whether they can be loaded or not; imports nothing."""
        return sorted({*self._host.exporter_names(), OWN})

    def refresh(self) -> None:
        """Look again at what is installed, so that an exporter that was installed since is found."""
        self._host.refresh()
        self._missed.clear()

    def load(self, type_: str) -> Exporter:
        """Return the exporter of a type; raises PluginError where there is none, or it is broken."""
        exporter = self._exporters.get(type_)
        if exporter is None:
            exporter = self._exporters[type_] = self._load(type_)
        return exporter

    def describe(self, type_: str) -> Description:
        """Return what is known of a type without importing it in this process; raises PluginError as `load` does."""
        if type_ == OWN or self._describe_apart is None:
            return describe(self.load(type_))
        installed = self.installed(type_)
        try:
            described = self._describe_apart(installed)
        except PluginError as error:
            raise self._host.break_down(installed[0], str(error)) from error
        self._host.accept(installed[0])
        return described

    def installed(self, type_: str) -> tuple[Installed, ...]:
        """Return the entry points of the module that brings a type, its own first.

        Raises PluginError where there is none, or something is known against it.
        """
        plugin = self._find(type_)
        self._host.check(plugin)
        others = (each for each in self._host.installed if each.module == plugin.module and each != plugin)
        return (plugin, *others)

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
        if type_ == OWN:
            return OwnExporter()
        plugin = self._find(type_)
        self._host.load(plugin)
        brought = self._host.exporters(plugin)
        try:
            checked = guarded(lambda: [_check(exporter) for exporter in brought])
        except PluginError as error:
            raise self._host.break_down(plugin, f"its exporter {error}") from error
        return self._choose(plugin, checked)

    def _find(self, type_: str) -> Installed:
        plugin = self._host.find(type_)
        if plugin is None:
            known = ", ".join(self.names()) or "none"
            raise PluginError(f"there is no exporter {type_!r}; installed are: {known}")
        return plugin

    def _choose(self, plugin: Installed, brought: list[Checked]) -> Exporter:
        """Return the exporter that bears the entry point's name; says which others nobody can ask for."""
        named = [exporter for exporter in brought if exporter.name == plugin.name]
        if len(named) != 1:
            names = ", ".join(exporter.name for exporter in brought) or "none"
            reason = f"its entry point is named {plugin.name!r}, but it brings {names}"
            raise self._host.break_down(plugin, reason)
        installed = {each.name for each in self._host.installed if each.module == plugin.module}
        if lost := [exporter.name for exporter in brought if exporter.name not in installed]:
            origin = f"{plugin.name} of {plugin.origin}"
            log.warning("%s also brings %s, which no entry point names; it cannot be used", origin, ", ".join(lost))
        return named[0]


def _check(exporter: Any) -> Checked:
    """Read all of an exporter, once; raises PluginError with in what it is none."""
    name = exporter.name
    if not isinstance(name, str):
        raise PluginError("has a name that is no string")
    name = one_line(name)
    methods: dict[str, Any] = {method: getattr(exporter, method, None) for method in _METHODS}
    lacking = [method for method, found in methods.items() if not callable(found)]
    if lacking:
        raise PluginError(f"{name} lacks {', '.join(lacking)}")
    for method, arguments in _METHODS.items():
        if not _takes(methods[method], arguments):
            raise PluginError(f"{name} cannot be called as {method}({', '.join(arguments)})")
    endpoint, interval = exporter.default_endpoint, exporter.default_interval
    if not isinstance(endpoint, str):
        raise PluginError(f"{name} has a default_endpoint that is no string")
    if not isinstance(interval, int | float) or isinstance(interval, bool) or not 1 <= interval < math.inf:
        raise PluginError(f"{name} has a default_interval that is no number of seconds, at least 1")
    schemes = schemes_of(exporter)
    if not all(isinstance(scheme, str) for scheme in schemes):
        raise PluginError(f"{name} has schemes that are no strings")
    ports = ports_of(exporter)
    if not all(isinstance(port, int) and 0 < port < _PORTS for port in ports):
        raise PluginError(f"{name} has ports that are no port numbers")
    fields, field_names = fields_of(exporter), field_names_of(exporter)
    if not all(isinstance(field, str) for field in (*fields, *field_names)):
        raise PluginError(f"{name} has field_names that are no strings")
    return Checked(
        name,
        endpoint,
        float(interval),
        **methods,
        schemes=schemes,
        ports=ports,
        fields=fields,
        field_names=tuple(map(one_line, field_names)),
        access=one_line(access_of(exporter)),
        close=getattr(exporter, "close", _close_nothing),
    )


async def _close_nothing() -> None:
    """Close nothing, for an exporter that keeps nothing open."""


def _takes(method: Any, arguments: tuple[str, ...]) -> bool:
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):  # of a builtin, for instance: nothing is known against it
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True
