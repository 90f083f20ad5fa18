"""From plain data to settings, strictly: a value is what its key asks for, or a problem with its place."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.errors import ForbiddenExtraKeysError

from nodepulse_core.config.checks import found, kind_of
from nodepulse_core.config.document import Document
from nodepulse_core.config.paths import KeyPath, did_you_mean, write_path
from nodepulse_core.config.rules import RULES, Rule
from nodepulse_core.errors import Problem

T = TypeVar("T")


class Structure:
    """Turns data into settings, and notes every problem on the way, each place once."""

    def __init__(self, document: Document, expanded: Iterable[KeyPath] = (), problems: Iterable[Problem] = ()) -> None:
        """Start with the problems that reading found; what stands at their places is not looked at again."""
        self._document = document
        self._expanded = frozenset(expanded)
        self._converter = _make_converter()
        self.problems: list[Problem] = list(problems)
        self._spoiled = {problem.path for problem in self.problems}

    def note(self, path: KeyPath, message: str) -> None:
        """Note a problem with what stands at a path."""
        if write_path(path) in self._spoiled:
            return
        if path in self._expanded:
            message += " (its value is from the environment, and is not shown)"
        self.problems.append(self._document.problem(path, message))

    def take(self, kind: type[T], data: Any, path: KeyPath) -> T | None:
        """Return settings of a kind; what is wrong with them is noted, and left out where they can do without it."""
        try:
            return self._converter.structure(data, kind)
        except Exception as error:  # noqa: BLE001 - cattrs groups whatever its hooks raise
            self._explain(error, path, kind)
            return self._take_rest(kind, data, error)

    def _take_rest(self, kind: type[T], data: Any, error: Exception) -> T | None:
        """Return the settings without the keys that are wrong, so that what concerns several can still be checked."""
        if not isinstance(error, ClassValidationError) or not isinstance(data, dict):
            return None
        noted, others = error.group_exceptions()
        wrong = {note.name for _, note in noted}
        for each in others:
            wrong |= each.extra_fields if isinstance(each, ForbiddenExtraKeysError) else set()
        try:
            return self._converter.structure({key: value for key, value in data.items() if key not in wrong}, kind)
        except ClassValidationError:  # a key that is required was wrong
            return None

    def _explain(self, error: BaseException, path: KeyPath, kind: Any) -> None:
        match error:
            case ClassValidationError():
                noted, others = error.group_exceptions()
                for each, note in noted:
                    self._explain(each, (*path, note.name), note.type)
                for each in others:
                    self._explain(each, path, error.cl)
            case IterableValidationError():
                noted_items, others = error.group_exceptions()
                for each, item in noted_items:
                    self._explain(each, (*path, item.index), item.type)
                for each in others:
                    self._explain(each, path, kind)
            case ForbiddenExtraKeysError():
                known = [each.name for each in attrs.fields(error.cl)]
                for key in sorted(error.extra_fields):
                    self.note((*path, key), f"unknown key{did_you_mean(key, known)}")
            case KeyError():
                self.note(path, "this key is required, and is missing")
            case _:
                self.note(path, str(error))


def _make_converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, rule in RULES.items():
        converter.register_structure_hook(kind, partial(_checked, rule))
    converter.register_structure_hook_func(partial(_has_origin, (Literal,)), _literal)
    converter.register_structure_hook_func(
        partial(_has_origin, (Union, types.UnionType)), partial(_optional, converter)
    )
    converter.register_structure_hook_factory(
        attrs.has, lambda kind: _mapping_first(kind, converter.gen_structure_attrs_fromdict(kind))
    )
    converter.register_structure_hook_func(partial(_has_origin, (tuple,)), partial(_tuple, converter))
    return converter


def _has_origin(origins: tuple[Any, ...], kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin in origins


def _checked(rule: Rule, value: Any, _: Any) -> Any:
    return rule.check(value)


def _optional(converter: Converter, value: Any, kind: Any) -> Any:
    inner = next(each for each in get_args(kind) if each is not type(None))
    return None if value is None else converter.structure(value, inner)


def _mapping_first(kind: Any, structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def checked(value: Any, _: Any) -> Any:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            known = ", ".join(each.name for each in attrs.fields(kind))
            raise ValueError(f"expected a mapping with keys such as {known}; found {kind_of(value)}")
        return structure(value, kind)

    return checked


def _tuple(converter: Converter, value: Any, kind: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"expected a list; found {found(value)}")
    items: Any = types.GenericAlias(list, (get_args(kind)[0],))
    return tuple(converter.structure(value, items))


def _literal(value: Any, kind: Any) -> Any:
    known = get_args(kind)
    if value not in known or not isinstance(value, str):
        hint = did_you_mean(value, known) if isinstance(value, str) else f"; known: {', '.join(known)}"
        raise ValueError(f"{found(value)} is not one of its values{hint}")
    return str(value)
