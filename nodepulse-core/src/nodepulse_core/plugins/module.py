"""A plugin's module: imported behind the guard, and looked at before anything of it is used."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType
from typing import Any

from nodepulse_core import __version__, hookspecs
from nodepulse_core.errors import PluginError
from nodepulse_core.foreign import one_line
from nodepulse_core.plugins.guard import guarded, undisturbed
from nodepulse_core.plugins.metadata import Installed

log = logging.getLogger(__name__)


def import_module(plugin: Installed) -> ModuleType:
    """Import the module that a plugin's entry point names; raises PluginError, with what to do about it."""
    try:
        with undisturbed() as turned:
            module = guarded(lambda: importlib.import_module(plugin.module))
    except PluginError as error:
        raise PluginError(f"importing {plugin.module} {error}{_find_remedy(plugin, error)}") from error
    if turned:
        origin = f"{plugin.name} of {plugin.origin}"
        log.warning("%s turned over %s when it was imported; it is put back", origin, ", ".join(turned))
    guarded(lambda: _check_module(plugin, module))
    return module


def _check_module(plugin: Installed, module: Any) -> None:
    kind: Any = type(module)
    if not isinstance(module, ModuleType) or kind.__eq__ is not object.__eq__ or kind.__hash__ is not object.__hash__:
        raise PluginError(f"importing {plugin.module} gives {kind.__name__}, where a plain module is due")
    _check_version(plugin, api_version(module))


def _find_remedy(plugin: Installed, error: BaseException | None) -> str:
    """Return what to do about an import that failed for a module that is missing, even if the plugin hides that."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ImportError) and error.name:
            missing = one_line(str(error.name))
            package = missing.partition(".")[0]
            if package == "nodepulse_core":
                return f"; it is not written for nodepulse-core {__version__}: upgrade one of the two"
            if package == plugin.module.partition(".")[0]:
                return f"; its installation is damaged; try: pip install --force-reinstall {plugin.distribution}"
            if isinstance(error, ModuleNotFoundError):
                return (
                    f"; it needs the module {missing}, which is not installed; try: pip install {plugin.distribution}, "
                    f"which brings what it declares to need, or: pip install {package}"
                )
        error = error.__cause__ or error.__context__
    return ""


def api_version(module: ModuleType) -> object:
    """Return the version of the hooks that a plugin's module is written for; 1 where it states none."""
    return vars(module).get("nodepulse_api_version", 1)


def _check_version(plugin: Installed, wanted: object) -> None:
    if type(wanted) is not int:
        raise PluginError(f"its nodepulse_api_version is of type {type(wanted).__name__}, where a number is due")
    oldest, newest = hookspecs.OLDEST_API_VERSION, hookspecs.API_VERSION
    if not oldest <= wanted <= newest:
        old = "nodepulse-core" if wanted > newest else plugin.distribution
        known = f"version {newest}" if oldest == newest else f"versions {oldest} to {newest}"
        raise PluginError(
            f"it is written for version {wanted} of the hooks, and nodepulse-core {__version__} has {known}; "
            f"upgrade {old}"
        )
