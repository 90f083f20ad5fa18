"""From settings and the installed exporters to targets."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence

from attrs import frozen

from nodepulse_core.config.expand import Expanded
from nodepulse_core.config.load import Loaded, in_order
from nodepulse_core.config.paths import KeyPath, write_path
from nodepulse_core.config.settings import ExporterSettings
from nodepulse_core.errors import ConfigError, PluginError, Problem
from nodepulse_core.exporter import HTTP_SCHEMES, Description, Exporter, describe
from nodepulse_core.model import GENERIC, Isolation, Payload, Target, repr_endpoint
from nodepulse_core.own import OWN
from nodepulse_core.plugins import name_distribution
from nodepulse_core.units import format_duration

_ENDING = "_exporter"
_TIMEOUT = 3.0
_GENERIC_INTERVAL = 15.0
_NEVER_APART = {GENERIC, OWN}


@frozen
class Targets:
    """The targets of a configuration, and what about them is worth a warning."""

    targets: tuple[Target, ...]
    warnings: tuple[Problem, ...]


def make_targets(
    loaded: Loaded,
    installed: Collection[str],
    load: Callable[[str], Exporter],
    describe_apart: Callable[[str], Description] | None = None,
) -> Targets:
    """Return the enabled targets; only the exporters that they need are loaded.

    `installed` are the names of exporters, `load` returns one or raises PluginError; `describe_apart` does for those
    that must not be loaded in this process, by default none. Raises ConfigError with every problem, those of the
    settings among them.
    """
    maker = _Maker(loaded, installed, load, describe_apart or (lambda type_: describe(load(type_))))
    maker.check_isolated()
    targets = [
        target
        for exporter, path in zip(loaded.settings.exporters, loaded.exporter_paths, strict=True)
        if exporter.enabled and (target := maker.make(exporter, path)) is not None
    ]
    if maker.problems or loaded.problems:
        raise ConfigError(in_order([*loaded.problems, *maker.problems]), loaded.document.source)
    if not targets and not loaded.settings.discovery.enabled:
        maker.warn(("exporters",), "none of the exporters is enabled: there is nothing to scrape")
    return Targets(tuple(targets), tuple(maker.warnings))


class _Maker:
    def __init__(
        self,
        loaded: Loaded,
        installed: Collection[str],
        load: Callable[[str], Exporter],
        describe_apart: Callable[[str], Description],
    ) -> None:
        self._loaded = loaded
        self._installed = installed
        self._load = load
        self._describe_apart = describe_apart
        self._spoiled = {problem.path for problem in loaded.problems}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def warn(self, path: KeyPath, message: str) -> None:
        self.warnings.append(self._loaded.document.problem(path, message))

    def _fail(self, path: KeyPath, message: str) -> None:
        self.problems.append(self._loaded.document.problem(path, message))

    def _is_spoiled(self, *paths: KeyPath) -> bool:
        """Tell whether there is a problem with a key already, so that nothing can be said of what depends on it."""
        return any(write_path(path) in self._spoiled for path in paths)

    def check_isolated(self) -> None:
        """Warn of names in plugins.isolated that are no exporter's: such a plugin runs in the agent all the same."""
        for index, name in enumerate(self._loaded.settings.plugins.isolated):
            if name not in self._installed or name in _NEVER_APART:
                hint = _hint(name, sorted(self._installed))
                self.warn(("plugins", "isolated", index), f"{name!r} is no exporter that can be isolated{hint}")

    def _isolation(self, settings: ExporterSettings, type_: str, path: KeyPath) -> Isolation:
        if type_ not in _NEVER_APART:
            return "process" if type_ in self._loaded.settings.plugins.isolated else settings.isolation
        if settings.isolation != "none":
            self.warn((*path, "isolation"), f"a target of type {type_} runs no code of a plugin; it is not isolated")
        return "none"

    def make(self, settings: ExporterSettings, path: KeyPath) -> Target | None:
        if self._is_spoiled((*path, "type"), (*path, "endpoint")):
            return None
        type_ = self._find_type(settings, path)
        if type_ is None:
            return None
        isolation = self._isolation(settings, type_, path)
        exporter: Description | None = None
        if type_ != GENERIC:
            try:
                exporter = self._describe_apart(type_) if isolation == "process" else describe(self._load(type_))
            except PluginError as error:
                self._fail(path, str(error))
                return None
        endpoint = settings.endpoint or (exporter and exporter.default_endpoint)
        if not endpoint:
            self._fail((*path, "endpoint"), "this key is required for an exporter of type prometheus")
            return None
        self._check_scheme(endpoint, exporter, (*path, "endpoint"))
        default = exporter.default_interval if exporter else _GENERIC_INTERVAL
        interval = settings.interval or self._loaded.settings.agent.interval or default
        timeout = settings.timeout or min(_TIMEOUT, interval)
        if timeout > interval and not self._is_spoiled((*path, "interval"), ("agent", "interval")):
            longer = f"{format_duration(timeout)} is longer than its interval, {format_duration(interval)}"
            self._fail((*path, "timeout"), longer)
        payload: Payload = settings.payload or ("snapshot" if exporter else "raw")
        if payload == "snapshot" and exporter is None:
            self._fail((*path, "payload"), "an exporter of type prometheus has no snapshot; it is sent raw")
        return Target(
            name=settings.name,
            type=type_,
            endpoint=endpoint,
            interval=interval,
            timeout=timeout,
            payload=payload,
            retry=settings.retries(),
            access=settings.access(),
            max_body_size=settings.max_body_size,
            sample_limit=settings.sample_limit,
            isolation=isolation,
            max_memory=settings.max_memory,
        )

    def _check_scheme(self, endpoint: str, exporter: Description | None, path: KeyPath) -> None:
        scheme = endpoint.partition(":")[0].lower()
        known = exporter.schemes if exporter else HTTP_SCHEMES
        if scheme not in known:
            who = exporter.name if exporter else GENERIC
            shown = repr_endpoint(endpoint) if isinstance(endpoint, Expanded) else repr(scheme)
            self._fail(path, f"{who} reads no endpoint of scheme {shown}; known: {', '.join(known)}")

    def _find_type(self, settings: ExporterSettings, path: KeyPath) -> str | None:
        type_ = settings.type or settings.name
        if type_ == GENERIC or type_ in self._installed:
            return type_
        known = sorted({*self._installed, GENERIC})
        if settings.type is not None or settings.endpoint is None:
            lack = "" if settings.type is not None else ", and it has no endpoint"
            at = "type" if settings.type is not None else "name"
            self._fail((*path, at), f"no exporter {type_!r} is installed{lack}{_hint(type_, known)}")
            return None
        if near := near_miss(type_, known):
            message = f"no exporter {type_!r} is installed: its text is sent raw; did you mean {near!r}?"
            self.warn((*path, "name"), message)
        return GENERIC


def near_miss(type_: str, known: Sequence[str]) -> str | None:
    """Return the exporter that was probably meant, with or without its ending."""
    words = {word: name for name in known for word in (name, name.removesuffix(_ENDING))}
    near = difflib.get_close_matches(type_, words, n=1, cutoff=0.85)  # nearly all share the ending: .6 takes any
    return words[near[0]] if near else None


def _hint(type_: str, known: Sequence[str]) -> str:
    if near := near_miss(type_, known):
        return f"; did you mean {near!r}?"
    plugin = f"; a plugin for it would be named {name_distribution(type_)}" if type_.endswith(_ENDING) else ""
    return f"; known: {', '.join(known)}{plugin}"
