"""From plain data to settings, strictly: a value is what its key asks for, or a problem with its place."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import SplitResult, parse_qsl, urlsplit

import attrs
from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.errors import ForbiddenExtraKeysError

from nodepulse_core.config import settings as rules
from nodepulse_core.config.document import Document, KeyPath, did_you_mean
from nodepulse_core.errors import Problem
from nodepulse_core.exporter import HTTP_SCHEMES
from nodepulse_core.units import parse_duration, parse_size

T = TypeVar("T")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SERVER_ID = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_UNSET_ID = "00000000-0000-0000-0000-000000000000"
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST_AND_PORT = re.compile(r"[^:/]+:\d+(/.*)?")
_LARGEST_PORT = 65535
_SECRET_PARAMETERS = {"user", "username", "password", "pass"}


class Structure:
    """Turns data into settings, and notes every problem on the way."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._converter = _make_converter()
        self.problems: list[Problem] = []

    def note(self, path: KeyPath, message: str) -> None:
        """Note a problem with what stands at a path."""
        self.problems.append(self._document.problem(path, message))

    def take(self, kind: type[T], data: Any, path: KeyPath) -> T | None:
        """Return settings of a kind, or None where there is a problem with them, which is noted."""
        try:
            return self._converter.structure(data, kind)
        except Exception as error:  # noqa: BLE001 - cattrs groups whatever its hooks raise
            self._explain(error, path, kind)
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
    for kind, check in _CHECKS.items():
        converter.register_structure_hook(kind, partial(_checked, check))
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


def _checked(check: Callable[[Any], Any], value: Any, _: Any) -> Any:
    return check(value)


def _optional(converter: Converter, value: Any, kind: Any) -> Any:
    inner = next(each for each in get_args(kind) if each is not type(None))
    return None if value is None else converter.structure(value, inner)


def _mapping_first(kind: Any, structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def checked(value: Any, _: Any) -> Any:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            known = ", ".join(each.name for each in attrs.fields(kind))
            raise ValueError(f"expected a mapping with keys such as {known}; found {_found(value)}")
        return structure(value, kind)

    return checked


def _tuple(converter: Converter, value: Any, kind: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list; found {_found(value)}")
    items: Any = types.GenericAlias(list, (get_args(kind)[0],))
    return tuple(converter.structure(value, items))


def _literal(value: Any, kind: Any) -> Any:
    known = get_args(kind)
    if value not in known or not isinstance(value, str):
        hint = did_you_mean(value, known) if isinstance(value, str) else f"; known: {', '.join(known)}"
        raise ValueError(f"{_found(value)} is not one of its values{hint}")
    return value


def _found(value: Any) -> str:
    """Name a value in a message: short, and a nested one only by its kind."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"  # noqa: PLR2004 - one line of a terminal


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string; found {_found(value)}" + ("" if value is None else " (put it in quotes)"))
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"expected a whole number; found {_found(value)}")
    return value


def _count(value: Any) -> int:
    if _whole(value) < 1:
        raise ValueError(f"expected 1 or more; found {value}")
    return int(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false; found {_found(value)}")
    return value


def _seconds(value: Any, least: float, rule: str) -> float:
    if not isinstance(value, str):
        hint = f" (write {value}s)" if isinstance(value, int) and not isinstance(value, bool) else ""
        raise ValueError(f"expected a duration like 15s or 1m30s; found {_found(value)}{hint}")
    seconds = parse_duration(value)
    if seconds < least:
        raise ValueError(f"{value} is too short; {rule}")
    return seconds


def _size(value: Any) -> int:
    if isinstance(value, str):
        value = parse_size(value)
    if _whole(value) < 1:
        raise ValueError(f"expected a size like 16MiB or a number of bytes, more than 0; found {value}")
    return int(value)


def _path(value: Any) -> Path:
    text = _string(value)
    if not text or "\0" in text:
        raise ValueError(f"expected a path; found {text!r}")
    return Path(text).expanduser()


def _url(value: Any) -> str:
    text, hidden, parts = _split_url(value)
    if parts.scheme not in HTTP_SCHEMES or not parts.hostname:
        raise ValueError(f"{hidden!r} is no URL; write it like http://localhost:9100/metrics")
    return text


def _endpoint(value: Any) -> str:
    """Check what holds for any scheme; whether the exporter reads it is known once that is loaded."""
    text, hidden, parts = _split_url(value)
    if parts.scheme in HTTP_SCHEMES:
        return _url(text)
    if not parts.scheme or _HOST_AND_PORT.fullmatch(text):
        raise ValueError(f"{hidden!r} is no URL; write it like http://localhost:9100/metrics")
    if any(key.lower() in _SECRET_PARAMETERS for key, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise ValueError("its query holds a user or password; use basic_auth for it")
    return text


def _split_url(value: Any) -> tuple[str, str, SplitResult]:
    text = _string(value)
    hidden = re.sub(r"//[^/@]*@", "//…@", text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{hidden!r} is no URL: {error}") from None
    if re.search(r"[\s\x00-\x1f]", text) or port == 0:
        raise ValueError(f"{hidden!r} is no URL; write it like http://localhost:9100/metrics")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{hidden!r} holds a user or password; use basic_auth or a header for it")
    return text, hidden, parts


def _name(value: Any) -> str:
    text = _string(value)
    if not _NAME.fullmatch(text):
        raise ValueError(f"{_found(text)} is no name: a-z, then a-z, 0-9 and _, at most 64 in all")
    return text


def _server_id(value: Any) -> str | None:
    text = _string(value)
    if text == _UNSET_ID:
        return None
    if not _SERVER_ID.fullmatch(text):
        raise ValueError(f"{_found(text)} is no server_id: letters, digits and inner hyphens, at most 64 in all")
    return text


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f"expected a mapping of header names to values; found {_found(value)}")
    for name, text in value.items():
        if not _HEADER.fullmatch(name):
            raise ValueError(f"{name!r} is no header name")
        if not isinstance(text, str) or re.search(r"[\r\n\0]", text):
            raise ValueError(f"the value of header {name!r} must be a string on one line")
    return value


def _port(value: Any) -> int:
    if not 1 <= _whole(value) <= _LARGEST_PORT:
        raise ValueError(f"{value} is no port; ports are 1 to {_LARGEST_PORT}")
    return int(value)


def _listen(value: Any) -> str:
    text = _string(value)
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _LARGEST_PORT:
        raise ValueError(f"{text!r} is no address; write it like 127.0.0.1:8088")
    return text


def is_loopback(listen: str) -> bool:
    """Tell whether `host:port` can be reached from this machine only."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_CHECKS: dict[Any, Callable[[Any], Any]] = {
    str: _string,
    bool: _truth,
    Path: _path,
    rules.Duration: lambda value: _seconds(value, 0.001, "it must be more than 0"),
    rules.Delay: lambda value: _seconds(value, 0.0, ""),
    rules.Interval: lambda value: _seconds(value, 1.0, "it must be 1s or more"),
    rules.Size: _size,
    rules.Count: _count,
    rules.URLText: _url,
    rules.EndpointText: _endpoint,
    rules.Name: _name,
    rules.ServerID: _server_id,
    rules.Headers: _headers,
    rules.Port: _port,
    rules.Listen: _listen,
}
