"""The keys of the configuration as a list, read from the classes of settings: what schema and pages are made of."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from attrs import frozen

from nodepulse_core.config.rules import RULES, Rule


@frozen
class KeyOf:
    """One key of a class of settings."""

    name: str
    kind: Any
    """Its type, without the None of an optional one."""
    default: Any
    """`attrs.NOTHING` where it is required."""
    about: str
    otherwise: str | None
    """Where its default is found, if that is no value of its own."""

    @property
    def rule(self) -> Rule | None:
        """What its value must be; None for a section, a list and a choice."""
        return RULES.get(self.kind)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it may be, if it is one of some words."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def item(self) -> Any:
        """The type of its items, if it is a list."""
        return get_args(self.kind)[0] if get_origin(self.kind) is tuple else None

    def write_default(self) -> Any:
        """Return the default as a file would hold it; None where there is none."""
        if self.default is attrs.NOTHING or self.default is None or attrs.has(self.kind):
            return None
        value = self.rule.write(self.default) if self.rule else self.default
        return list(value) if isinstance(value, tuple) else value


def keys_of(section: type) -> Iterator[KeyOf]:
    """Yield the keys of a class of settings in its order."""
    for field in attrs.fields(attrs.resolve_types(section)):
        kind = field.type
        if get_origin(kind) in {Union, types.UnionType}:
            kind = next(each for each in get_args(kind) if each is not type(None))
        yield KeyOf(field.name, kind, field.default, field.metadata["about"], field.metadata["otherwise"])


def all_keys(section: type, path: str = "") -> Iterator[tuple[str, KeyOf]]:
    """Yield every key below a class, with its path: `server.tls.ca_file`, `exporters[].name`. Sections come first."""
    for key in keys_of(section):
        here = f"{path}.{key.name}" if path else key.name
        yield here, key
        inner = key.item if key.item is not None else key.kind
        if attrs.has(inner):
            yield from all_keys(inner, f"{here}[]" if key.item is not None else here)
