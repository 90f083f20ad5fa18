"""The checks behind the rules: each takes what a file holds and returns what is meant, or raises ValueError.

A message never shows what may be a secret: a value is shown by its repr (see `expand.Expanded`), and shortened.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from nodepulse_core.exporter import HTTP_SCHEMES
from nodepulse_core.units import format_duration, parse_duration, parse_size

NAME = r"[a-z][a-z0-9_]{0,63}"
SERVER_ID = r"(?=.{1,64}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
UNSET_ID = "00000000-0000-0000-0000-000000000000"
LARGEST_PORT = 65535
MOST_ATTEMPTS = 10
"""So that a target that refuses at once is not hammered for a whole interval."""
LARGEST_COUNT = 10**9
LONGEST = 366 * 86400.0
LARGEST_SIZE = 2**63 - 1
_NAME = re.compile(NAME)
_SERVER_ID = re.compile(SERVER_ID)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUERY = re.compile(r"[?#].*")
_USER = re.compile(r"^('(?:[A-Za-z]+://)?).*@")
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
_HOST_AND_PORT = re.compile(r"[^:/]+:\d+(/.*)?")
_SECRET_PARAMETERS = {"user", "username", "password", "pass"}
_SHOWN = 80


def found(value: Any) -> str:
    """Name a value in a message: short, and a nested one only by its kind."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def kind_of(value: Any) -> str:
    """Name the kind of a value, where the value may be a secret."""
    if value is None or isinstance(value, dict | list):
        return found(value)
    return "a string" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "a number"


def string(value: Any) -> str:
    """Take a string; a number or a truth is none."""
    if not isinstance(value, str):
        quotes = " (put it in quotes)" if isinstance(value, bool | int | float) else ""
        raise ValueError(f"expected a string; found {found(value)}{quotes}")
    return value


def secret(value: Any) -> str:
    """Take a string that no message shows."""
    if not isinstance(value, str):
        quotes = " (put it in quotes)" if isinstance(value, bool | int | float) else ""
        raise ValueError(f"expected a string; found {kind_of(value)}{quotes}")
    return value


def whole(value: Any) -> int:
    """Take a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        quotes = " (without quotes)" if type(value) is str and value.isdecimal() else ""
        raise ValueError(f"expected a whole number; found {found(value)}{quotes}")
    return value


def count(value: Any, most: int = LARGEST_COUNT) -> int:
    """Take a number of things: at least 1."""
    if not 1 <= whole(value) <= most:
        raise ValueError(f"expected 1 to {most}; found {found(value)}")
    return int(value)


def truth(value: Any) -> bool:
    """Take true or false, and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, without quotes; found {found(value)}")
    return value


def seconds(value: Any, least: float, rule: str) -> float:
    """Take a duration of at least so many seconds; `rule` says so."""
    if not isinstance(value, str):
        hint = f" (write {value}s)" if isinstance(value, int) and not isinstance(value, bool) else ""
        raise ValueError(f"expected a duration like 15s or 1m30s; found {found(value)}{hint}")
    taken = parse_duration(value)
    if taken < least:
        raise ValueError(f"{found(value)} is too short; {rule}")
    if taken > LONGEST:
        raise ValueError(f"{found(value)} is too long; it must be {format_duration(LONGEST)} or less")
    return taken


def size(value: Any) -> int:
    """Take a number of bytes, with or without a unit."""
    try:
        taken = parse_size(value) if isinstance(value, str) else whole(value)
    except OverflowError:
        taken = LARGEST_SIZE + 1
    if taken < 1:
        raise ValueError(f"expected a size like 16MiB or a number of bytes, more than 0; found {found(value)}")
    if taken > LARGEST_SIZE:
        raise ValueError(f"{found(value)} is too large; it must be less than 8388608TiB")
    return taken


def path(value: Any) -> Path:
    """Take a path; a tilde at its start is a home directory."""
    text = string(value)
    if not text or "\0" in text:
        raise ValueError(f"expected a path; found {found(text)}")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home directory for {found(text)}") from None


def url(value: Any) -> str:
    """Take an http or https URL without user and password."""
    text, shown, parts = _split_url(value)
    if parts.scheme not in HTTP_SCHEMES or not parts.hostname:
        raise ValueError(f"{shown} is no URL; write it like http://localhost:9100/metrics")
    return text


def endpoint(value: Any) -> str:
    """Take what holds for any scheme; whether the exporter reads it is known once that is loaded."""
    text, shown, parts = _split_url(value)
    if parts.scheme in HTTP_SCHEMES:
        return url(text)
    if not parts.scheme or _HOST_AND_PORT.fullmatch(text):
        raise ValueError(f"{shown} is no URL; write it like http://localhost:9100/metrics")
    if "@" in text.partition("/")[0]:  # user:password@host, taken for scheme:path
        raise ValueError(f"{shown} holds a user or password; use basic_auth or a header for it")
    if any(key.lower() in _SECRET_PARAMETERS for key, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise ValueError("its query holds a user or password; use basic_auth for it")
    return text


def _split_url(value: Any) -> tuple[str, str, SplitResult]:
    """Return a URL, how a message may show it, and its parts."""
    text = string(value)
    written = getattr(text, "written", text)  # of what the environment had a part in
    shown = _USER.sub(r"\1…@", found(_QUERY.sub("?…", written)))
    try:
        parts = urlsplit(text)
        wrong = parts.port == 0 or re.search(r"[\s\x00-\x1f\x7f]", text)
    except ValueError:  # its words hold the port, or whatever was taken for one
        wrong = True
    if wrong:
        raise ValueError(f"{shown} is no URL; write it like http://localhost:9100/metrics")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{shown} holds a user or password; use basic_auth or a header for it")
    return text, shown, parts


def name(value: Any) -> str:
    """Take the name of a target or a type."""
    text = string(value)
    if not _NAME.fullmatch(text):
        raise ValueError(f"{found(text)} is no name: a-z, then a-z, 0-9 and _, at most 64 in all")
    return text


def server_id(value: Any) -> str | None:
    """Take what a dashboard knows this server by; the UUID of zeros says that there is none yet."""
    text = string(value)
    if text == UNSET_ID:
        return None
    if not _SERVER_ID.fullmatch(text):
        raise ValueError(f"{found(text)} is no server_id: letters, digits and inner hyphens, at most 64 in all")
    return text


def headers(value: Any) -> dict[str, str]:
    """Take header names with their values."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"expected a mapping of header names to values; found {kind_of(value)}")
    for header, text in value.items():
        if not _HEADER.fullmatch(header):
            raise ValueError(f"{header!r} is no header name")
        if not isinstance(text, str) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            raise ValueError(f"the value of header {header!r} must be a string on one line")
    return value


def network(value: Any) -> str:
    """Take a network in the notation of CIDR."""
    text = string(value)
    try:
        ip_network(text)
    except ValueError:
        raise ValueError(f"{found(text)} is no network; write it like 10.0.0.0/8 or fd00::/8") from None
    return text


def port(value: Any) -> int:
    """Take a TCP port."""
    if not 1 <= whole(value) <= LARGEST_PORT:
        raise ValueError(f"{found(value)} is no port; ports are 1 to {LARGEST_PORT}")
    return int(value)


def listen(value: Any) -> str:
    """Take `host:port`; an IPv6 address stands in brackets."""
    text = string(value)
    match = _LISTEN.fullmatch(text)
    if not match or int(match[2]) > LARGEST_PORT:
        raise ValueError(f"{found(text)} is no address; write it like 127.0.0.1:8088 or [::1]:8088")
    return text


def is_loopback(address: str) -> bool:
    """Tell whether `host:port` can be reached from this machine only."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
