"""The built-in sender: a dashboard's JSON over HTTP, and what each of its answers means."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import ssl

import aiohttp
from yarl import URL

from nodepulse_core.clock import Clock
from nodepulse_core.deliver.encode import compress, encode_batch
from nodepulse_core.deliver.retry_after import read_retry_after
from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Batch, Destination, show_endpoint
from nodepulse_core.peer.access import hide_secrets, request_headers
from nodepulse_core.peer.reasons import explain, explain_loss
from nodepulse_core.peer.tls import TlsContexts
from nodepulse_core.sender import Accepted, Answer, Later, Refused
from nodepulse_core.units import format_duration

_CONFLICT = 409
_TOO_LARGE = 413
_REFUSED = {400, 422}
_WAIT = {408, 425, 429}
_SERVER_ERRORS = range(500, 600)
_SUCCESSES = range(200, 300)
_REDIRECTS = range(300, 400)
_SHOWN = 200
_READ = 4096  # more than is shown, so that no secret in it is cut, and not known again
_SHOWN_WITHIN = 1.0
_KEEP_ALIVE = 90.0
_BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


class HTTPSender:
    """POSTs batches to the endpoint that `server` configures; one session for all of them."""

    name = "dashboard"
    ordered = False

    def __init__(self, destination: Destination, user_agent: str, clock: Clock) -> None:
        """Take where to send and how; raises NodePulseError where a certificate or a library is missing."""
        if destination.compression == "zstd" and importlib.util.find_spec("zstandard") is None:
            raise NodePulseError("server.compression: zstd needs a library: pip install 'nodepulse-core[zstd]'")
        self._destination = destination
        self._clock = clock
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None
        self._url = URL(destination.endpoint)
        self._shown = show_endpoint(destination.endpoint)
        self._contexts = TlsContexts()
        self._context()

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
            context = self._context()
        except NodePulseError as error:
            return Later(str(error), pace="slow")
        if destination.compression != "none":
            headers["Content-Encoding"] = destination.compression
        body = await asyncio.to_thread(lambda: compress(encode_batch(batch), destination.compression))
        return await self._deliver(batch, body, headers, context)

    async def _deliver(
        self, batch: Batch, body: bytes, headers: dict[str, str], context: ssl.SSLContext | bool
    ) -> Answer:
        timeout = self._destination.timeout
        try:
            async with asyncio.timeout(timeout):
                try:
                    return await self._post(batch, body, headers, context)
                except aiohttp.ClientConnectorError:
                    raise
                except _BROKEN:
                    # A server may close a connection that was kept just as we use it; a new one tells more.
                    return await self._post(batch, body, headers, context)
        except TimeoutError:
            return Later(f"no answer from {self._shown} within {format_duration(timeout)}")
        except aiohttp.ClientConnectorError as error:
            return Later(f"cannot connect to {self._shown}: {explain(error.os_error)}")
        except _BROKEN as error:
            return Later(f"no answer from {self._shown}: {explain_loss(error, self._url.scheme)}")
        except (aiohttp.ClientError, OSError) as error:
            return Later(f"no answer from {self._shown}: {explain(error)}")

    async def _post(self, batch: Batch, body: bytes, headers: dict[str, str], context: ssl.SSLContext | bool) -> Answer:
        async with self._opened().post(
            self._url.update_query(server_id=batch.server_id),
            data=io.BytesIO(body),  # written piece by piece, with its length known
            headers=headers,
            allow_redirects=False,
            ssl=context,
        ) as response:
            if response.status in _SUCCESSES or response.status == _CONFLICT:
                return Accepted()  # whatever its body says, and however long that takes
            said = hide_secrets(await _explanation(response), [*headers.values(), *self._url.query.values()])
            return self._refusal(response, said[:_SHOWN])

    def _context(self) -> ssl.SSLContext | bool:
        """Return what the dashboard is checked with, as its files are now; True where nothing is."""
        return self._contexts.get(self._destination.access.tls) if self._url.scheme == "https" else True

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_ALIVE),
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
            )
        return self._session

    def _refusal(self, response: aiohttp.ClientResponse, explanation: str) -> Answer:
        status = response.status
        reason = f"{status} {_one_line(response.reason or '')}".rstrip() + f" from {self._shown}"
        if status in _REDIRECTS:
            to = _one_line(show_endpoint(response.headers.get("Location", "nowhere")))[:_SHOWN]
            return Later(f"{reason}: it redirects to {to}, which is not followed; configure that endpoint", pace="slow")
        reason += f": {explanation}" if explanation else ""
        if status in _REFUSED:
            return Refused(reason)
        if status == _TOO_LARGE:
            return Refused(reason, fault="size")
        if status in _WAIT or status in _SERVER_ERRORS:
            asked = response.headers.get("Retry-After", "")
            return Later(reason, delay=read_retry_after(asked, self._clock.now()))
        return Later(reason, pace="slow")


async def _explanation(response: aiohttp.ClientResponse) -> str:
    """Return the beginning of what the dashboard says about its answer; nothing where it takes long to say it."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return ""
    said = b""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(_SHOWN_WITHIN):
            said = await response.content.read(_READ)
    return _one_line(said.decode(errors="replace"))


def _one_line(text: str) -> str:
    """Return foreign text as it is fit for one line of a log."""
    return " ".join(text.split()).encode("unicode_escape").decode()
