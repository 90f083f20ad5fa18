"""POST /metrics/prometheus: the receiving end of the wire contract.

headers ─▶ body, bounded in size and time ─▶ rows ─▶ one transaction ─▶ 200
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from attrs import frozen
from nodepulse_core.errors import NodePulseError
from nodepulse_core.units import format_duration, format_size

from nodepulse_dashboard.answers import json_answer, refusal
from nodepulse_dashboard.delivery import check_server_id, read_delivery
from nodepulse_dashboard.errors import DeliveryError
from nodepulse_dashboard.store import Added, Store

_AT_ONCE = 8
_CODINGS = {"", "identity", "gzip"}


@frozen
class Limits:
    """What one POST may take: bytes of body, decoded, and seconds until it is here."""

    body: int
    seconds: float


class _TooLargeError(NodePulseError):
    pass


class Receiver:
    """Takes deliveries. At most eight bodies are held at a time; more senders wait their turn."""

    def __init__(self, store: Store, writer: Executor, limits: Limits, now: Callable[[], float]) -> None:
        self._store = store
        self._writer = writer
        self._limits = limits
        self._now = now
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Answer 200 with how many snapshots were stored and how many were known, once all of them are on the disk."""
        server_id = _server_id(request)
        problem = _unsupported(request)
        if problem is not None:
            return _closing(problem)
        try:
            async with asyncio.timeout(self._limits.seconds) as waiting, self._turns:
                body = await self._body(request)
                waiting.reschedule(None)  # from here on it is the disk that takes its time
                added = await asyncio.get_running_loop().run_in_executor(self._writer, self._add, server_id, body)
        except TimeoutError:
            allowed = format_duration(self._limits.seconds)
            return _closing(refusal(408, f"the body did not arrive within {allowed}; nothing of it was stored"))
        except _TooLargeError as error:
            return _closing(refusal(413, str(error)))
        return json_answer({"stored": added.stored, "known": added.known})

    async def _body(self, request: web.Request) -> bytes:
        limit = self._limits.body
        too_large = f"the body is larger than the limit of {format_size(limit)} ({limit} bytes); send it in parts"
        if (request.content_length or 0) > limit:
            raise _TooLargeError(too_large)
        pieces = bytearray()
        try:
            # aiohttp inflates in pieces of 64 KiB or so, and only as they are taken from it.
            async for piece in request.content.iter_any():
                pieces += piece
                if len(pieces) > limit:
                    raise _TooLargeError(too_large)
        except (HttpProcessingError, ClientPayloadError, web.RequestPayloadError) as error:
            raise DeliveryError(f"the body cannot be read: {_reason(error)}") from None
        return bytes(pieces)

    def _add(self, server_id: str, body: bytes) -> Added:
        return self._store.add(read_delivery(server_id, body), int(self._now()))


def _server_id(request: web.Request) -> str:
    given = request.query.getall("server_id", [])
    if len(given) != 1:
        raise DeliveryError(f"server_id: must be given once, as ?server_id=<id>; it is given {len(given)} times")
    return check_server_id(given[0])


def _unsupported(request: web.Request) -> web.Response | None:
    if request.content_type != "application/json" or hdrs.CONTENT_TYPE not in request.headers:
        return refusal(415, "the Content-Type must be application/json", {"Accept": "application/json"})
    if (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        return refusal(415, "JSON is UTF-8; leave the charset out of the Content-Type", {"Accept": "application/json"})
    if request.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower() not in _CODINGS:
        return refusal(415, "the Content-Encoding must be identity or gzip", {"Accept-Encoding": "gzip, identity"})
    return None


def _closing(response: web.Response) -> web.Response:
    """Close the connection after an answer that came before the end of the body."""
    response.force_close()
    return response


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return str(getattr(cause, "message", "") or cause)
