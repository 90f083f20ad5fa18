"""The JSON behind the page: servers, their newest snapshots, and columns over time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

import attrs
import orjson
from aiohttp import web
from nodepulse_core.units import format_slot, parse_duration

from nodepulse_dashboard.answers import json_answer
from nodepulse_dashboard.errors import QueryError, UnknownError
from nodepulse_dashboard.quantities import quantity
from nodepulse_dashboard.series import MAX_BODY, draw, numbers, piece_width
from nodepulse_dashboard.store import Source, Span, Store

MAX_LATEST = 200
MAX_TEXT = 64 * 1024
_AHEAD = 60
_SHOWN = 10
_MISSED = 3
_ON_THE_WAY = 20
_ONE_SNAPSHOT = 60
_PARAMETERS = {"key", "instance", "field", "since"}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class Api:
    """Answers questions; the store is read in a thread, one question at a time."""

    def __init__(self, store: Store, reader: Executor, now: Callable[[], float], forgotten: Callable[[], int]) -> None:
        self._store = store
        self._reader = reader
        self._now = now
        self._forgotten = forgotten

    async def servers(self, request: web.Request) -> web.Response:
        """Answer with all servers and their sources."""
        del request
        return json_answer(await self._ask(self._servers))

    async def latest(self, request: web.Request) -> web.Response:
        """Answer with the newest snapshot of each of a server's sources."""
        return json_answer(await self._ask(self._latest, request.match_info["server_id"]))

    async def series(self, request: web.Request) -> web.Response:
        """Answer with the numbers of one source over time, as columns."""
        query = request.query
        unknown = sorted(set(query) - _PARAMETERS)
        if unknown:
            raise QueryError(f"{unknown[0]!r:.80}: no such parameter; there are {', '.join(sorted(_PARAMETERS))}")
        if not query.get("key"):
            raise QueryError("key: is missing; give one of those that /api/servers names")
        now = int(self._now())
        since = _since(query.get("since", "1h"), now)
        key = query["key"]
        fields = frozenset(query.getall("field", []))
        server_id, instance = request.match_info["server_id"], query.get("instance", key)
        return json_answer(await self._ask(self._series, server_id, key, instance, fields, (since, now + _AHEAD)))

    async def _ask(self, question: Callable[..., Any], *values: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reader, question, *values)

    def _servers(self) -> dict[str, Any]:
        now = int(self._now())
        servers: dict[str, list[Source]] = {}
        for source in self._store.sources():
            servers.setdefault(source.server_id, []).append(source)
        return {
            "now": format_slot(now),
            "forgotten": self._forgotten(),
            "servers": [
                {
                    "server_id": server_id,
                    "snapshots": sum(source.snapshots for source in sources),
                    "newest": format_slot(max(source.newest for source in sources)),
                    "received": format_slot(max(source.received for source in sources)),
                    "silent": all(is_silent(source, now) for source in sources),
                    "sources": [_described(source, now) for source in sources],
                }
                for server_id, sources in servers.items()
            ],
        }

    def _latest(self, server_id: str) -> dict[str, Any]:
        now = int(self._now())
        sources = self._known(server_id)
        snapshots = []
        for source in sources[:MAX_LATEST]:
            body = self._store.body(source, source.newest)
            value = orjson.loads(body or "[]")
            objects = value if isinstance(value, list) else [value]
            snapshots.append(
                {
                    **_described(source, now),
                    "objects": [_shortened(item) for item in objects],
                    "units": {name: unit for item in objects for name in item if (unit := quantity(name).unit)},
                    "shortened": {name: len(text) for item in objects for name, text in item.items() if _is_long(text)},
                }
            )
        return {"server_id": server_id, "snapshots": snapshots, "left_off": max(0, len(sources) - MAX_LATEST)}

    def _series(
        self, server_id: str, key: str, instance: str, fields: frozenset[str], between: tuple[int, int]
    ) -> dict[str, Any]:
        sources = self._known(server_id)
        source = next((source for source in sources if (source.key, source.instance) == (key, instance)), None)
        if source is None:
            known = ", ".join(f"{source.key}/{source.instance}" for source in sources[:_SHOWN])
            raise UnknownError(f"no snapshot of {key!r:.80} with instance {instance!r:.80}; there are {known}")
        since, until = between
        first = self._store.first(source, since)
        width = piece_width(max(0, until - (since if first is None else first)))
        points = self._store.bodies(source, Span(since, until, width), MAX_BODY)
        chart = draw(points, fields)
        missing = sorted(fields - {series.field for series in chart.series})
        if missing:
            self._check_fields(source, missing)
        return {
            "server_id": server_id,
            "key": key,
            "instance": instance,
            "since": since,
            "until": until,
            "width": width,
            **attrs.asdict(chart),
        }

    def _check_fields(self, source: Source, fields: list[str]) -> None:
        """Raise UnknownError where a field has no number in the newest snapshot; else it is just not in range."""
        known = sorted({field for field, _ in numbers(self._store.body(source, source.newest) or "[]")})
        unknown = [field for field in fields if field not in known]
        if unknown:
            there_are = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "") or "none"
            raise UnknownError(f"no number in the field {unknown[0]!r:.80} of {source.instance}; there are {there_are}")

    def _known(self, server_id: str) -> list[Source]:
        sources = self._store.sources(server_id)
        if not sources:
            raise UnknownError(f"no snapshot of the server {server_id!r:.80}; /api/servers names those there are")
        return sources


def is_silent(source: Source, now: int) -> bool:
    """Tell whether a source has sent nothing for three of its intervals, and as long as a delivery may take."""
    interval = _ONE_SNAPSHOT if source.interval is None else source.interval
    return now - source.received > _MISSED * interval + _ON_THE_WAY


def _described(source: Source, now: int) -> dict[str, Any]:
    return {
        "key": source.key,
        "instance": source.instance,
        "snapshots": source.snapshots,
        "newest": format_slot(source.newest),
        "received": format_slot(source.received),
        "interval": source.interval,
        "silent": is_silent(source, now),
    }


def _since(text: str, now: int) -> int:
    """Return the time of `2025-10-30T14:00:00Z`, or of so long ago as `15m` says."""
    try:
        if _TIME.fullmatch(text):
            return int(datetime.fromisoformat(text).timestamp())
        return max(0, now - int(parse_duration(text)))
    except (ValueError, OverflowError):
        raise QueryError(f"since: {text!r:.80} is written neither like 15m nor like 2025-10-30T14:00:00Z") from None


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) > MAX_TEXT


def _shortened(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value[:MAX_TEXT] if _is_long(value) else value for name, value in item.items()}
