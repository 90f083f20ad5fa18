"""Loads plugins one by one and calls their hooks one by one, since a plugin may fail in every way there is."""

from __future__ import annotations

import difflib
import functools
import importlib
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from types import ModuleType
from typing import Any

import pluggy

from nodepulse_core import hookspecs
from nodepulse_core.errors import PluginError
from nodepulse_core.model import Batch, Destination, Target
from nodepulse_core.plugins.metadata import EXPORTERS, PLUGINS, Installed, read_installed
from nodepulse_core.sender import Sender

FAILURES = (Exception, SystemExit)
"""What a plugin's code may raise without taking anything else with it; an interrupt is the user's own."""

log = logging.getLogger(__name__)


class PluginHost:
    """The installed plugins, those that are loaded, and those that are broken."""

    def __init__(self, installed: Sequence[Installed] | None = None, disabled: Collection[str] = ()) -> None:
        """Take what is installed (by default, what this Python's metadata says) and the names not to be used."""
        self.installed = read_installed() if installed is None else tuple(installed)
        self.disabled = frozenset(disabled)
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._errors: dict[Installed, str] = {each: each.error for each in self.installed if each.error}
        self._loaded: dict[Installed, ModuleType] = {}

    def error(self, plugin: Installed) -> str | None:
        """Return why a plugin cannot be used, as far as that is known; None where nothing speaks against it."""
        return self._errors.get(plugin)

    def find(self, name: str, group: str = EXPORTERS) -> Installed | None:
        """Return the installed plugin of that name, a usable one before a broken one."""
        named = [each for each in self.installed if each.name == name and each.group == group]
        return min(named, key=lambda each: each in self._errors, default=None)

    def exporter_names(self) -> list[str]:
        """Return the names of all exporters that are installed and not disabled, without importing one."""
        return sorted({each.name for each in self.installed if each.group == EXPORTERS} - self.disabled)

    def load(self, plugin: Installed) -> ModuleType:
        """Import and register a plugin, once; raises PluginError, the same each time, where that fails."""
        if plugin in self._loaded:
            return self._loaded[plugin]
        if plugin.name in self.disabled:
            raise PluginError(f"{plugin.name} of {plugin.origin} is disabled (plugins.disabled)")
        if plugin not in self._errors:
            try:
                module = self._import(plugin)
                self._register(plugin, module)
            except PluginError as error:
                self._errors[plugin] = str(error)
            else:
                self._loaded[plugin] = module
                return module
        raise PluginError(f"{plugin.name} of {plugin.origin} is broken: {self._errors[plugin]}")

    def load_behaviour(self) -> None:
        """Load every plugin of the group `nodepulse.plugins`; says which cannot be, and goes on."""
        for plugin in self.installed:
            if plugin.group == PLUGINS and plugin.name not in self.disabled:
                try:
                    self.load(plugin)
                except PluginError as error:
                    log.warning("%s; the rest goes on", error)

    def break_down(self, plugin: Installed, error: str) -> PluginError:
        """Note that a loaded plugin turned out broken, unregister it, and return what to raise."""
        self._errors[plugin] = error
        module = self._loaded.pop(plugin, None)
        if module is not None:
            self._manager.unregister(module)
        return PluginError(f"{plugin.name} of {plugin.origin} is broken: {error}")

    def collect(self, hook: str, plugin: ModuleType | None = None, **arguments: Any) -> Iterator[tuple[Installed, Any]]:
        """Call a registering hook of one plugin or all, and yield what each registers with the plugin it is from.

        A plugin that raises meanwhile is broken from then on.
        """
        for origin, call in self._calls(hook):
            if plugin is not None and self._loaded.get(origin) is not plugin:
                continue
            try:
                registered = list(call(arguments) or ())
            except FAILURES as error:
                log.warning("%s; the rest goes on", self.break_down(origin, _describe(hook, error)))
            else:
                yield from ((origin, each) for each in registered)

    def transform(self, snapshot: dict[str, Any], target: Target) -> dict[str, Any]:
        """Return what all transforms make of an object; raises PluginError where one raises or returns no dict."""
        for origin, call in self._calls("nodepulse_transform"):
            try:
                changed = call({"snapshot": snapshot, "target": target})
            except FAILURES as error:
                raise PluginError(
                    f"{origin.name} of {origin.origin}: {_describe('nodepulse_transform', error)}"
                ) from error
            if changed is not None and not isinstance(changed, dict):
                raise PluginError(
                    f"{origin.name} of {origin.origin}: nodepulse_transform returned {type(changed).__name__}"
                )
            snapshot = snapshot if changed is None else changed
        return snapshot

    def scrape_failed(self, target: Target, reason: str) -> None:
        """Tell all observers that a slot got no entry."""
        self._observe("nodepulse_scrape_failed", target=target, reason=reason)

    def batch_sent(self, batch: Batch) -> None:
        """Tell all observers that a batch was delivered."""
        self._observe("nodepulse_batch_sent", batch=batch)

    def batch_rejected(self, batch: Batch, reason: str) -> None:
        """Tell all observers that entries were refused for good."""
        self._observe("nodepulse_batch_rejected", batch=batch, reason=reason)

    def senders(self, destination: Destination) -> dict[str, Sender]:
        """Return the senders that plugins bring, by name; `dashboard` is built in and never replaced."""
        senders: dict[str, Sender] = {}
        for origin, sender in self.collect("nodepulse_senders", destination=destination):
            name = getattr(sender, "name", None)
            if not isinstance(name, str) or not callable(getattr(sender, "send", None)):
                log.warning(
                    "%s", self.break_down(origin, f"{sender!r} is no sender: it needs a name and an async send")
                )
            elif name == "dashboard" or name in senders:
                log.warning(
                    "%s of %s: the sender %r is there already; the new one is not used",
                    origin.name,
                    origin.origin,
                    name,
                )
            else:
                senders[name] = sender
        return senders

    def _observe(self, hook: str, **arguments: Any) -> None:
        for origin, call in self._calls(hook):
            try:
                call(arguments)
            except FAILURES as error:
                log.warning("%s; nothing else changes", _blame(origin, _describe(hook, error)))

    def _calls(self, hook: str) -> Iterator[tuple[Installed, Callable[[dict[str, Any]], Any]]]:
        """Yield each implementation of a hook in the order of the plugins' names, to be called by itself."""
        origins = {id(module): plugin for plugin, module in self._loaded.items()}
        found = [each for each in getattr(self._manager.hook, hook).get_hookimpls() if id(each.plugin) in origins]
        for each in sorted(found, key=lambda each: origins[id(each.plugin)].name):
            yield origins[id(each.plugin)], functools.partial(_call, each)

    def _import(self, plugin: Installed) -> ModuleType:
        try:
            return importlib.import_module(plugin.module)
        except FAILURES as error:
            raise PluginError(f"importing {plugin.module} raised {type(error).__name__}: {error}") from error

    def _register(self, plugin: Installed, module: ModuleType) -> None:
        wanted = getattr(module, "nodepulse_api_version", hookspecs.API_VERSION)
        if wanted != hookspecs.API_VERSION:
            raise PluginError(
                f"it is written for version {wanted} of the hooks; this is version {hookspecs.API_VERSION}"
            )
        try:
            self._manager.register(module, name=f"{plugin.group}:{plugin.name}")
            self._check_hooks(module)
        except FAILURES as error:
            if self._manager.is_registered(module):  # a failed registration may be half done
                self._manager.unregister(module)
            raise PluginError(str(error)) from error

    def _check_hooks(self, module: ModuleType) -> None:
        known = [name for name in vars(hookspecs) if name.startswith("nodepulse_")]
        callers = self._manager.get_hookcallers(module) or []
        for caller in callers:
            if not caller.has_spec():
                near = difflib.get_close_matches(caller.name, known, n=1)
                raise PluginError(
                    f"it implements {caller.name}, which is no hook"
                    + (f"; did you mean {near[0]}?" if near else f"; hooks are {', '.join(known)}")
                )
        if not callers:
            raise PluginError("it implements no hook; is its function marked @hookimpl?")


def _call(implementation: pluggy.HookImpl, arguments: dict[str, Any]) -> Any:
    return implementation.function(*(arguments[name] for name in implementation.argnames))


def _blame(plugin: Installed, what: str) -> str:
    return f"{plugin.name} of {plugin.origin}: {what}"


def _describe(hook: str, error: BaseException) -> str:
    return f"{hook} raised {type(error).__name__}: {error}"
