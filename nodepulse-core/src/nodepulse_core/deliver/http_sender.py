"""The built-in sender: a dashboard's JSON over HTTP, and what each of its answers means."""

from __future__ import annotations

import asyncio
import gzip
import importlib
import importlib.util
import ssl
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import groupby
from operator import attrgetter

import aiohttp
import orjson
from yarl import URL

from nodepulse_core.access import explain, request_headers, tls_context
from nodepulse_core.clock import Clock
from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Batch, Compression, Destination
from nodepulse_core.sender import Accepted, Answer, Later, Refused
from nodepulse_core.units import format_duration

_CONFLICT = 409
_TOO_LARGE = 413
_REFUSED = {400, 422}
_WAIT = {408, 425, 429}
_SERVER_ERRORS = range(500, 600)
_SUCCESSES = range(200, 300)
_SHOWN = 200
_KEEP_ALIVE = 90.0


def encode_batch(batch: Batch) -> bytes:
    """Return the JSON of a batch: each key with an array of its objects, oldest first."""
    by_key = sorted(batch.snapshots, key=attrgetter("key"))  # stable: the order of slots stays
    parts = (
        orjson.dumps(key) + b":[" + b",".join(snapshot.json for snapshot in snapshots if snapshot.json) + b"]"
        for key, snapshots in groupby(by_key, key=attrgetter("key"))
    )
    return b"{" + b",".join(parts) + b"}"


class HTTPSender:
    """POSTs batches to the endpoint that `server` configures; one session for all of them."""

    name = "dashboard"
    ordered = False

    def __init__(self, destination: Destination, user_agent: str, clock: Clock) -> None:
        if destination.compression == "zstd" and importlib.util.find_spec("zstandard") is None:
            raise NodePulseError("server.compression: zstd needs a library: pip install 'nodepulse-core[zstd]'")
        self._destination = destination
        self._clock = clock
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | bool = tls_context(destination.access.tls) or True

    async def close(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()

    async def send(self, batch: Batch) -> Answer:
        """POST a batch; redirects are not followed."""
        destination = self._destination
        try:
            headers = {
                **request_headers(destination.access),
                "Content-Type": "application/json",
                "Idempotency-Key": batch.id,
            }
        except NodePulseError as error:
            return Later(str(error), pace="slow")
        body = await asyncio.to_thread(_compressed, batch, destination.compression)
        if destination.compression != "none":
            headers["Content-Encoding"] = destination.compression
        try:
            async with (
                asyncio.timeout(destination.timeout),
                self._opened().post(
                    URL(destination.endpoint).update_query(server_id=batch.server_id),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    ssl=self._tls,
                ) as response,
            ):
                return self._answer(response, await _explanation(response))
        except TimeoutError:
            return Later(f"no answer within {format_duration(destination.timeout)}")
        except aiohttp.ClientConnectorError as error:
            return Later(f"cannot connect: {explain(error.os_error)}")
        except (aiohttp.ClientError, OSError) as error:
            return Later(f"{type(error).__name__}: {error}")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_ALIVE),
                headers={"User-Agent": self._user_agent},
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    def _answer(self, response: aiohttp.ClientResponse, explanation: str) -> Answer:
        status = response.status
        if status in _SUCCESSES or status == _CONFLICT:
            return Accepted()
        reason = f"{status} {response.reason or ''}".rstrip() + (f": {explanation}" if explanation else "")
        if status in _REFUSED:
            return Refused(reason)
        if status == _TOO_LARGE:
            return Refused(reason, fault="size")
        if status in _WAIT or status in _SERVER_ERRORS:
            return Later(reason, delay=self._retry_after(response))
        return Later(reason, pace="slow")

    def _retry_after(self, response: aiohttp.ClientResponse) -> float | None:
        """Read Retry-After: seconds, or a date (RFC 9110, 10.2.3); None where it is neither."""
        value = response.headers.get("Retry-After", "").strip()
        if value.isdecimal():
            return float(value)
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - self._clock.now())


async def _explanation(response: aiohttp.ClientResponse) -> str:
    """Return the beginning of what the dashboard says about its answer, fit for one line of a log."""
    if response.status in _SUCCESSES:
        return ""
    said = await response.content.read(_SHOWN)
    return " ".join(said.decode(errors="replace").split()).encode("unicode_escape").decode()


def _compressed(batch: Batch, compression: Compression) -> bytes:
    body = encode_batch(batch)
    if compression == "gzip":
        return gzip.compress(body, compresslevel=6, mtime=0)
    if compression == "zstd":
        return bytes(importlib.import_module("zstandard").ZstdCompressor().compress(body))
    return body
