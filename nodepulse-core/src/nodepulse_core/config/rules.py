"""The kinds of values that keys have, each with its check and its JSON Schema. Durations are seconds, sizes bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NewType

from attrs import frozen

from nodepulse_core.config import checks
from nodepulse_core.units import format_duration, format_size, parse_size

Duration = NewType("Duration", float)
Delay = NewType("Delay", float)
Interval = NewType("Interval", float)
Size = NewType("Size", int)
Count = NewType("Count", int)
Attempts = NewType("Attempts", int)
URLText = NewType("URLText", str)
EndpointText = NewType("EndpointText", str)
Name = NewType("Name", str)
ServerID = NewType("ServerID", str)
Secret = NewType("Secret", str)
Headers = NewType("Headers", dict[str, str])
Port = NewType("Port", int)
Listen = NewType("Listen", str)
NetworkText = NewType("NetworkText", str)

REFERENCE = r"\$\{"
"""What a string holds whose value is known only when the environment is."""


@frozen
class Rule:
    """What a value must be: its check, the same for people, and as JSON Schema as far as that can say it."""

    check: Callable[[Any], Any]
    words: str
    schema: Mapping[str, Any]
    write: Callable[[Any], Any] = lambda value: value
    """Writes a checked value as a file does."""
    is_secret: bool = False


def _write_size(size: int) -> str | int:
    text = format_size(size)
    return text if parse_size(text) == size else size


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^(?:{pattern})$|{REFERENCE}"}


_DURATION = _text(r"([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+")
_WHOLE = {"type": "integer", "minimum": 1}

RULES: Mapping[Any, Rule] = {
    str: Rule(checks.string, "a string", {"type": "string"}),
    bool: Rule(checks.truth, "true or false", {"type": "boolean"}),
    Path: Rule(checks.path, "a path", {"type": "string", "minLength": 1}),
    Duration: Rule(
        lambda value: checks.seconds(value, 0.001, "it must be more than 0"),
        "a duration, more than 0",
        _DURATION,
        format_duration,
    ),
    Delay: Rule(lambda value: checks.seconds(value, 0.0, ""), "a duration", _DURATION, format_duration),
    Interval: Rule(
        lambda value: checks.seconds(value, 1.0, "it must be 1s or more"),
        "a duration, 1s or more",
        _DURATION,
        format_duration,
    ),
    Size: Rule(
        checks.size,
        "a size, more than 0",
        {"anyOf": [_WHOLE, _text(r"\s*[0-9]+(\.[0-9]+)?\s*([kKmMgGtT]?[iI]?[bB]?)\s*")]},
        _write_size,
    ),
    Attempts: Rule(
        lambda value: checks.count(value, checks.MOST_ATTEMPTS),
        f"a whole number, 1 to {checks.MOST_ATTEMPTS}",
        {**_WHOLE, "maximum": checks.MOST_ATTEMPTS},
    ),
    Count: Rule(checks.count, "a whole number, 1 or more", {**_WHOLE, "maximum": checks.LARGEST_COUNT}),
    URLText: Rule(checks.url, "an http or https URL", _text(r"[Hh][Tt][Tt][Pp][Ss]?://[^\s@]+")),
    EndpointText: Rule(
        checks.endpoint,
        "an http or https URL, or another that its exporter reads",
        _text(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s@]*"),
    ),
    Name: Rule(checks.name, "a-z, then a-z, 0-9 and _, at most 64", _text(checks.NAME)),
    ServerID: Rule(
        checks.server_id,
        "letters, digits and inner hyphens, at most 64",
        _text(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?"),
    ),
    Secret: Rule(checks.secret, "a string; never shown", {"type": "string"}, is_secret=True),
    Headers: Rule(
        checks.headers,
        "header names with their values; values are never shown",
        {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        is_secret=True,
    ),
    Port: Rule(checks.port, "a port", {**_WHOLE, "maximum": checks.LARGEST_PORT}),
    Listen: Rule(checks.listen, "host:port", _text(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}")),
    NetworkText: Rule(checks.network, "a network", _text(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")),
}
