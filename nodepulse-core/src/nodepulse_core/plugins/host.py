"""Loads plugins one by one and calls their hooks one by one, since a plugin may fail in every way there is."""

from __future__ import annotations

import importlib
import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from operator import attrgetter
from types import ModuleType
from typing import Any

from nodepulse_core.errors import PluginError
from nodepulse_core.model import Batch, Destination, Target
from nodepulse_core.plugins.guard import guarded
from nodepulse_core.plugins.hooks import Hooks
from nodepulse_core.plugins.metadata import EXPORTERS, PLUGINS, Installed, read_installed
from nodepulse_core.plugins.module import import_module
from nodepulse_core.sender import Sender

log = logging.getLogger(__name__)


class PluginHost:
    """The installed plugins, those that are loaded, and those that are broken."""

    def __init__(
        self, read: Callable[[], Sequence[Installed]] = read_installed, disabled: Collection[str] = ()
    ) -> None:
        """Take what tells what is installed (by default, this Python's metadata) and the names not to be used."""
        self._read = read
        self.installed = tuple(read())
        self.disabled = frozenset(disabled)
        self._hooks = Hooks()
        self._errors: dict[Installed, str] = {each: each.error for each in self.installed if each.error}
        self._again: set[Installed] = set()
        self._loaded: dict[Installed, ModuleType] = {}
        self._deprecated: dict[Installed, tuple[str, ...]] = {}
        self._failures: Counter[tuple[Installed, str]] = Counter()
        self._lock = threading.RLock()  # a batch that is made in a thread may need an exporter that is not loaded yet

    def refresh(self) -> None:
        """Look again at what is installed. What is loaded stays as it is, whatever was installed over it.

        A plugin that could not be loaded keeps its reason, and is tried once more when it is next asked for: what it
        lacked may have been installed since.
        """
        importlib.invalidate_caches()
        with self._lock:
            taken = {(each.group, each.name) for each in self._loaded}
            others = [each for each in self._read() if (each.group, each.name) not in taken]
            known = set(self.installed)
            self._errors = {
                each: error for each in others if (error := self._errors.get(each) if each in known else each.error)
            }
            self._again = {each for each in self._errors if each.error is None}
            self.installed = tuple(sorted((*self._loaded, *others), key=attrgetter("group", "name", "distribution")))

    def error(self, plugin: Installed) -> str | None:
        """Return why a plugin cannot be used, as far as that is known; None where nothing speaks against it."""
        return self._errors.get(plugin)

    def find(self, name: str, group: str = EXPORTERS) -> Installed | None:
        """Return the installed plugin of that name, a usable one before a broken one."""
        named = [each for each in self.installed if each.name == name and each.group == group]
        return min(named, key=lambda each: each in self._errors, default=None)

    def module(self, plugin: Installed) -> ModuleType | None:
        """Return the module of a plugin that is loaded; None where it is not."""
        return self._loaded.get(plugin)

    def hooks(self, plugin: Installed) -> list[str]:
        """Return the hooks that a loaded plugin implements."""
        module = self._loaded.get(plugin)
        return [hook for hook in self._hooks.known if any(each.module is module for each in self._hooks[hook])]

    def exporter_names(self) -> list[str]:
        """Return the names of all exporters that are installed and not disabled, without importing one."""
        return sorted({each.name for each in self.installed if each.is_exporter} - self.disabled)

    def check(self, plugin: Installed) -> None:
        """Raise PluginError where a plugin is disabled, or something is known against it that may not have changed."""
        if plugin.name in self.disabled:
            raise PluginError(f"{plugin.name} of {plugin.origin} is disabled (plugins.disabled)")
        if plugin in self._errors and plugin not in self._again:
            raise _broken(plugin, self._errors[plugin])

    def load(self, plugin: Installed) -> None:
        """Import and register a plugin, once; raises PluginError, until a refresh the same, where that fails."""
        with self._lock:
            self.check(plugin)
            if plugin in self._loaded:
                return
            self._again.discard(plugin)
            try:
                module = import_module(plugin)
                self._deprecated[plugin] = self._hooks.register(plugin, module)
            except PluginError as error:
                self._errors[plugin] = str(error)
                raise _broken(plugin, str(error)) from error
            self._loaded[plugin] = module
            self._errors.pop(plugin, None)
            for told in self._deprecated[plugin]:
                log.warning("%s of %s: %s; it works for now", plugin.name, plugin.origin, told)

    def deprecated(self, plugin: Installed) -> tuple[str, ...]:
        """Return what a loaded plugin has that works for now, and not in a version to come: in words."""
        return self._deprecated.get(plugin, ())

    def load_behaviour(self) -> None:
        """Load every plugin of the group `nodepulse.plugins`; says which cannot be, and goes on."""
        for plugin in self.installed:
            if plugin.group == PLUGINS and plugin.name not in self.disabled:
                try:
                    self.load(plugin)
                except PluginError as error:
                    log.warning("%s; the rest goes on", error)

    def accept(self, plugin: Installed) -> None:
        """Note that nothing speaks any more against a plugin that was tried again."""
        with self._lock:
            self._again.discard(plugin)
            self._errors.pop(plugin, None)

    def break_down(self, plugin: Installed, error: str) -> PluginError:
        """Note that a loaded plugin turned out broken, forget its hooks, and return what to raise."""
        with self._lock:
            self._errors[plugin] = error
            module = self._loaded.pop(plugin, None)
            if module is not None and not any(each is module for each in self._loaded.values()):
                self._hooks.unregister(module)
        return _broken(plugin, error)

    def exporters(self, plugin: Installed) -> list[Any]:
        """Return what a loaded plugin's `nodepulse_exporters` registers; raises PluginError where it fails."""
        module = self._loaded.get(plugin)
        try:
            return [
                one for each in self._hooks["nodepulse_exporters"] if each.module is module for one in each.collect({})
            ]
        except PluginError as error:
            raise self.break_down(plugin, str(error)) from error

    def registered(
        self, hook: str, check: Callable[[Any], str], reserved: Collection[str], **given: Any
    ) -> dict[str, tuple[Installed, Any]]:
        """Return what all plugins register at a hook, by name, each with its plugin; says what is left out, and why.

        `check` returns an object's name, or raises PluginError with what is wrong with it: then its plugin is broken,
        as it is where its hook raises. A name that is reserved, or that two plugins bring, is not used.
        """
        found: dict[str, list[tuple[Installed, Any]]] = defaultdict(list)
        for each in self._hooks[hook]:
            try:
                brought = each.collect(given)
                names = guarded(lambda brought=brought: [check(one) for one in brought])  # type: ignore[misc]  # bound now
            except PluginError as error:
                log.warning("%s; the rest goes on", self.break_down(each.plugin, str(error)))
                continue
            for name, one in zip(names, brought, strict=True):
                found[name].append((each.plugin, one))
        used = {}
        for name, ones in found.items():
            origins = " and ".join(f"{plugin.name} of {plugin.origin}" for plugin, _ in ones)
            if name in reserved:
                log.warning("%s: %r is built in, and nothing takes its place", origins, name)
            elif len(ones) > 1:
                log.warning("%s both bring %r; neither is used until one of them is gone or disabled", origins, name)
            else:
                used[name] = ones[0]
        return used

    def senders(self, destination: Destination) -> dict[str, Sender]:
        """Return the senders that plugins bring, by name; `dashboard` is built in and never replaced."""
        brought = self.registered("nodepulse_senders", _check_sender, {"dashboard"}, destination=destination)
        return {name: sender for name, (_, sender) in brought.items()}

    def transform(self, snapshot: dict[str, Any], target: Target) -> dict[str, Any]:
        """Return what all transforms make of an object; raises PluginError where one raises or returns no dict."""
        for each in self._hooks["nodepulse_transform"]:
            try:
                changed = each.call({"snapshot": snapshot, "target": target})
            except PluginError as error:
                raise PluginError(f"{each.plugin.name} of {each.plugin.origin}: {error}") from error
            if changed is None:
                continue
            if not isinstance(changed, dict):
                returned = f"nodepulse_transform returned {type(changed).__name__}, where a dict or None is due"
                raise PluginError(f"{each.plugin.name} of {each.plugin.origin}: {returned}")
            snapshot = changed
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

    def failures(self) -> dict[tuple[Installed, str], int]:
        """Return how often each observing hook of each plugin has failed."""
        return dict(self._failures)

    def _observe(self, hook: str, **given: Any) -> None:
        for each in self._hooks[hook]:
            try:
                each.call(given)
            except PluginError as error:
                self._failures[each.plugin, hook] += 1
                count = self._failures[each.plugin, hook]
                if not count & (count - 1):  # the 1st, 2nd, 4th, …: it may fail at every scrape
                    origin = f"{each.plugin.name} of {each.plugin.origin}"
                    log.warning("%s: %s (%d times so far); nothing else changes", origin, error, count)


def _check_sender(sender: Any) -> str:
    name = sender.name
    if not isinstance(name, str) or not name:
        raise PluginError("its sender's name is no string")
    lacking = [method for method in ("send", "close") if not callable(getattr(sender, method, None))]
    if lacking:
        raise PluginError(f"its sender {name} lacks {', '.join(lacking)}")
    if not isinstance(sender.ordered, bool):
        raise PluginError(f"its sender {name} does not say whether it is ordered")
    return name


def _broken(plugin: Installed, why: str) -> PluginError:
    return PluginError(f"{plugin.name} of {plugin.origin} is broken: {why}")
