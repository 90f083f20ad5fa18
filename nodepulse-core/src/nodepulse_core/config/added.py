"""Targets that are added while the agent runs: checked as the file's are, and kept over restarts.

They are kept as they were given, in `<state_dir>/targets.json`; the user's own configuration is never touched.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from nodepulse_core.config.document import Document
from nodepulse_core.config.load import Loaded
from nodepulse_core.config.paths import KeyPath
from nodepulse_core.config.settings import ExporterSettings, Settings
from nodepulse_core.config.structure import Structure
from nodepulse_core.config.targets import make_targets
from nodepulse_core.errors import ConfigError, NodePulseError, Problem
from nodepulse_core.exporter import Description, Exporter
from nodepulse_core.model import Target
from nodepulse_core.reach import Reach

_NAME = "targets.json"
_SOURCE = "target"

Given = Mapping[str, Any]
"""A target as it was given: the keys of `exporters[]`, as JSON has them."""


def check_added(
    given: object,
    settings: Settings,
    installed: Collection[str],
    load: Callable[[str], Exporter],
    describe_apart: Callable[[str], Description] | None = None,
) -> Target:
    """Return the target that was given; raises ConfigError with every problem of it.

    References to the environment are not expanded and files are not taken: a target that is added could otherwise
    carry what the agent may read to wherever it points.
    """
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        raise ConfigError([Problem("expected an object with a name, and an endpoint or a type")], _SOURCE)
    document = Document(_SOURCE, given, {})
    structure = Structure(document)
    taken = structure.take(ExporterSettings, given, ())
    for path in _named_files(taken):
        structure.note(path, "files are named in the configuration file only; declare this target there")
    if taken is not None and not taken.enabled:
        structure.note(("enabled",), "a target is added to be scraped; leave this key out")
    if taken is None or structure.problems:
        raise ConfigError(structure.problems, _SOURCE)
    loaded = Loaded(attrs.evolve(settings, exporters=(taken,)), document, frozenset(), ((),))
    (target,) = make_targets(loaded, installed, load, describe_apart).targets
    reach = Reach.of(settings.api.allow_targets, _own_port(settings))
    if fault := reach.find_fault(target.endpoint):
        raise ConfigError([document.problem(("endpoint",), fault)], _SOURCE)
    return attrs.evolve(target, reach=reach)


def _own_port(settings: Settings) -> int | None:
    return int(settings.api.listen.rpartition(":")[2]) if settings.api.enabled else None


def _named_files(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the keys of some settings that name a file."""
    if isinstance(value, Path):
        yield path
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from _named_files(getattr(value, field.name), (*path, field.name))


class AddedTargets:
    """The file that keeps them. Blocking; written whole, to a temporary name at first."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / _NAME

    def read(self) -> dict[str, Given]:
        """Return what was given, by name; none where nothing was kept.

        Raises NodePulseError, naming the file, where it cannot be read: it is never replaced then.
        """
        try:
            return {str(each["name"]): each for each in json.loads(self._path.read_bytes())}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise NodePulseError(f"cannot read the targets that were added, {self._path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise NodePulseError(
                f"{self._path} holds no list of targets, so none of those that were added is scraped; mend or remove it"
            ) from error

    def keep(self, name: str, given: Given | None) -> None:
        """Keep one more, or no longer where nothing is given; raises NodePulseError as `read` and `write` do."""
        kept = self.read()
        changed = {each: value for each, value in kept.items() if each != name}
        if given is not None:
            changed[name] = given
        if changed != kept:
            self.write(changed)

    def write(self, given: Mapping[str, Given]) -> None:
        """Keep these, and no others; raises NodePulseError, naming the file, where that cannot be done."""
        temporary = self._path.with_name(f".{_NAME}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(file, "w") as stream:
                json.dump(list(given.values()), stream, indent=2)
                stream.flush()
                os.fsync(file)
            temporary.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise NodePulseError(f"cannot keep the targets in {self._path}: {error.strerror}") from error
