"""One POST's body, checked whole against the wire contract and turned into rows.

     bytes ─▶ strict JSON ─▶ key ─▶ array ─▶ object ─▶ its fields
                                                │
                                                └─▶ (key, instance, timestamp) ─▶ row

A body is taken whole or refused whole, and a refusal says where the first thing wrong is: `node_exporter[2].timestamp`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from attrs import frozen

from nodepulse_dashboard.errors import DeliveryError

MAX_FIELDS = 1000
MAX_FIELD_NAME = 200
_MAX_SERVER_ID = 64
_SHOWN = 80
_SERVER_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_INTEGERS = range(-(2**63), 2**64)
_UNSET = "00000000-0000-0000-0000-000000000000"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_JSON_TYPES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


@frozen
class Row:
    """One snapshot as it is stored; all but the body is its identity.

    The timestamp is the slot in seconds since the epoch. The body is JSON: the object as it came, or an array of
    the objects where the snapshot has several.
    """

    server_id: str
    key: str
    instance: str
    timestamp: int
    body: str


def check_server_id(server_id: str) -> str:
    """Return the id if it keeps to the rule of the configuration's `agent.server_id`; else raise DeliveryError."""
    if len(server_id) > _MAX_SERVER_ID or not _SERVER_ID.fullmatch(server_id):
        raise DeliveryError(
            f"server_id: {_shown(server_id)} is no server id; it is 1 to {_MAX_SERVER_ID} letters, digits and hyphens, "
            "with no hyphen at either end"
        )
    if server_id == _UNSET:
        raise DeliveryError("server_id: the all-zero UUID means that none is set; give the agent one of its own")
    return server_id


def read_delivery(server_id: str, body: bytes) -> tuple[Row, ...]:
    """Return one row for each snapshot in a body, in the order in which they came.

    Objects of one identity are one snapshot: an exporter may make several of one scrape. Among them an exact
    repeat says nothing new and is left out. Raises DeliveryError on the first thing that breaks the contract.
    """
    snapshots: dict[tuple[str, str, int], dict[bytes, None]] = {}
    for key, objects in _strict_json(body).items():
        if not _NAME.fullmatch(key):
            raise DeliveryError(
                f"{_shown(key)}: is no key; a key is written [a-z][a-z0-9_]*, with 64 characters at most"
            )
        if not isinstance(objects, list):
            raise DeliveryError(f"{key}: must be an array of objects, not {_type(objects)}")
        for index, value in enumerate(objects):
            instance, timestamp = _identity(value, key, f"{key}[{index}]")
            snapshots.setdefault((key, instance, timestamp), {})[orjson.dumps(value)] = None
    return tuple(
        Row(server_id, key, instance, timestamp, _joined(list(objects)))
        for (key, instance, timestamp), objects in snapshots.items()
    )


def _strict_json(body: bytes) -> Mapping[str, Any]:
    """Parse with orjson, which refuses NaN, infinities and bad UTF-8.

    Then look for what it lets pass: names that stand twice, and whole numbers that it would round.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DeliveryError(f"the body is not strict JSON: {error}") from None
    if not isinstance(value, dict):
        raise DeliveryError(f"the body must be an object of key -> array of objects, not {_type(value)}")
    try:
        json.loads(body, object_pairs_hook=_unique, parse_int=_check_integer)
    except RecursionError:
        raise DeliveryError("the body is nested too deep; objects hold numbers, strings and null") from None
    return value


def _check_integer(digits: str) -> None:
    if int(digits) not in _INTEGERS:
        raise DeliveryError(f"{digits:.{_SHOWN}}: is no integer of 64 bits, and nothing smaller is kept in its place")


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise DeliveryError(f"{_shown(name)}: is given twice in one object, and only one of the two could be kept")
        names.add(name)


def _identity(value: Any, key: str, place: str) -> tuple[str, int]:
    """Check an object and return its instance and its slot. Without an instance, the target's name is the key."""
    if not isinstance(value, dict):
        raise DeliveryError(f"{place}: must be an object, not {_type(value)}")
    if len(value) > MAX_FIELDS:
        raise DeliveryError(f"{place}: has {len(value)} fields; {MAX_FIELDS} at most are taken")
    for name, field in value.items():
        _check_field(name, field, place)
    instance = value.get("instance", key)
    if not isinstance(instance, str) or not _NAME.fullmatch(instance):
        raise DeliveryError(
            f"{place}.instance: {_shown(instance)} is no target's name, which is written [a-z][a-z0-9_]*, "
            "with 64 characters at most"
        )
    return instance, _slot(value, place)


def _check_field(name: str, field: Any, place: str) -> None:
    if not 1 <= len(name) <= MAX_FIELD_NAME or not name.isprintable():
        raise DeliveryError(
            f"{place}: {_shown(name)} is no field's name, which has 1 to {MAX_FIELD_NAME} printable characters"
        )
    if isinstance(field, (bool, list, dict)):
        raise DeliveryError(f"{place}.{_bare(name)}: must be a number, a string or null, not {_type(field)}")


def _slot(value: Mapping[str, Any], place: str) -> int:
    if "timestamp" not in value:
        raise DeliveryError(f"{place}.timestamp: is missing")
    written = value["timestamp"]
    if not isinstance(written, str) or not _TIMESTAMP.fullmatch(written):
        raise DeliveryError(f"{place}.timestamp: {_shown(written)} is not written like 2025-10-30T14:00:00Z")
    try:
        return int(datetime.fromisoformat(written).timestamp())
    except ValueError as error:
        raise DeliveryError(f"{place}.timestamp: {_shown(written)} is no real time: {error}") from None


def _joined(objects: list[bytes]) -> str:
    return (objects[0] if len(objects) == 1 else b"[" + b",".join(objects) + b"]").decode()


def _type(value: Any) -> str:
    return _JSON_TYPES.get(type(value), "a number")


def _shown(value: Any) -> str:
    """Quote what came from outside: short, and without anything a terminal would obey."""
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _bare(name: str) -> str:
    return name if len(name) <= _SHOWN else name[:_SHOWN] + "…"
