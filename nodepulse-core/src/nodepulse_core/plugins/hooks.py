"""The hooks that loaded plugins implement: each checked before it is registered, and called by itself.

pluggy finds and matches implementations. It does not call them: its call ends with the first one that raises.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import itertools
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from attrs import frozen

from nodepulse_core import hookspecs
from nodepulse_core.errors import PluginError
from nodepulse_core.foreign import one_line
from nodepulse_core.plugins.guard import guarded
from nodepulse_core.plugins.metadata import Installed

T = TypeVar("T")
_MOST = 1000
"""How many objects one call of a hook may register."""
_NAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_ORDERS = ("hookwrapper", "wrapper", "tryfirst", "trylast")


@frozen
class Implementation:
    """A function of a plugin's module that implements a hook.

    What it raises is a PluginError that names the hook.
    """

    hook: str
    plugin: Installed
    module: ModuleType
    function: Callable[..., Any]
    arguments: tuple[str, ...]

    def call(self, given: dict[str, Any]) -> Any:
        """Call it with those of the given arguments that it takes, and return what it returns."""
        return self._guarded(lambda: self.function(*(given[name] for name in self.arguments)))

    def collect(self, given: dict[str, Any]) -> list[Any]:
        """Call it, and return all the objects that it returns or yields; what it prints goes to standard error."""
        with contextlib.redirect_stdout(sys.stderr):
            return self._guarded(lambda: _list(self.function(*(given[name] for name in self.arguments))))

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return guarded(call)
        except PluginError as error:
            raise PluginError(f"{self.hook} {error}") from error


def _list(returned: Any) -> list[Any]:
    if returned is None:
        return []
    if isinstance(returned, str | bytes | dict) or not isinstance(returned, Iterable):
        if inspect.iscoroutine(returned):
            returned.close()
        raise PluginError(f"returned {type(returned).__name__}, where a list is due, or objects are to be yielded")
    objects = list(itertools.islice(returned, _MOST + 1))
    if len(objects) > _MOST:
        raise PluginError(f"registers more than {_MOST} objects")
    return objects


class Hooks:
    """All implementations, by hook, in the order of their plugins' names."""

    def __init__(self, specifications: ModuleType = hookspecs) -> None:
        """Take the module that says which hooks there are."""
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(specifications)
        self._known = {
            name: tuple(getattr(self._manager.hook, name).spec.argnames)
            for name in vars(specifications)
            if name.startswith("nodepulse_")
        }
        self._by_hook: dict[str, tuple[Implementation, ...]] = {}

    @property
    def known(self) -> tuple[str, ...]:
        """The names of all hooks that there are."""
        return tuple(self._known)

    def __getitem__(self, hook: str) -> tuple[Implementation, ...]:
        return self._by_hook.get(hook, ())

    def register(self, plugin: Installed, module: ModuleType) -> tuple[str, ...]:
        """Register a module's implementations; raises PluginError with all that is wrong with them.

        Returns what the specifications say of hooks and arguments that it has and that are deprecated: it works, for
        now. A module that several entry points name is registered once.
        """
        if any(each is module for each in self._manager.get_plugins()):
            return ()
        faults = guarded(lambda: list(self._find_faults(module)))
        if faults:
            raise PluginError("; ".join(faults))
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            guarded(lambda: self._manager.register(module, name=f"{plugin.group}:{plugin.name}"))
        found = [
            Implementation(hook, plugin, module, each.function, tuple(each.argnames))
            for hook in self._known
            for each in getattr(self._manager.hook, hook).get_hookimpls()
            if each.plugin is module
        ]
        self._set([*self._all(), *found])
        return tuple(dict.fromkeys(one_line(str(each.message)) for each in warned))

    def unregister(self, module: ModuleType) -> None:
        """Forget a module's implementations."""
        self._manager.unregister(module)
        self._set([each for each in self._all() if each.module is not module])

    def _all(self) -> Iterator[Implementation]:
        return (each for implementations in self._by_hook.values() for each in implementations)

    def _set(self, implementations: list[Implementation]) -> None:
        # A new dict each time: another thread may be calling hooks meanwhile.
        ordered = sorted(implementations, key=lambda each: (each.plugin.name, each.plugin.group))
        self._by_hook = {hook: tuple(each for each in ordered if each.hook == hook) for hook in self._known}

    def _find_faults(self, module: ModuleType) -> Iterator[str]:
        found = ((name, self._manager.parse_hookimpl_opts(module, name)) for name in dir(module))
        marked = {name: options for name, options in found if options is not None}
        if not marked:
            yield "it implements no hook; is its function marked @hookimpl?"
        for name, options in marked.items():
            yield from self._find_faults_of(getattr(module, name), name, dict(options))

    def _find_faults_of(self, function: Callable[..., Any], name: str, options: dict[str, Any]) -> Iterator[str]:
        hook = options.get("specname") or name
        if hook not in self._known:
            if not options.get("optionalhook"):
                near = difflib.get_close_matches(hook, self._known, n=1)
                yield f"it implements {hook}, which is no hook" + (
                    f"; did you mean {near[0]}?" if near else f"; hooks are {', '.join(self._known)}"
                )
            return
        asked = [order for order in _ORDERS if options.get(order)]
        if asked:
            yield f"its {hook} asks for {', '.join(asked)}; hooks are called one by one, in the order of plugins' names"
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            yield f"its {hook} is async; hooks are synchronous, and the objects that they register do I/O"
        due = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
        unknown = [each.name for each in due if each.kind in _NAMED and each.name not in self._known[hook]]
        if unknown:
            given = ", ".join(self._known[hook]) or "none"
            yield f"its {hook} takes {', '.join(unknown)}, which is none of its arguments; they are {given}"
        if any(each.kind is each.KEYWORD_ONLY for each in due):
            yield f"its {hook} takes arguments by keyword only; hooks are called by position"
