"""How the dashboard answers: JSON for whatever went wrong, and headers that keep a page to itself."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from nodepulse_dashboard.errors import DeliveryError, QueryError, StoreError, UnknownError

RETRY_AFTER = 5
"""Seconds after which a sender may try again, where the store failed."""

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; "
    # plotly places what it draws through style attributes and a style element of its own.
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_READING = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"none", "same-origin"})
log = logging.getLogger(__name__)


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a JSON answer; NaN cannot be in it."""
    return web.Response(
        body=orjson.dumps(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def refusal(status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return `{"error": reason}`."""
    return json_answer({"error": reason}, status, headers)


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer the headers that keep foreign scripts, frames and guesses out."""
    del request
    response.headers.update(_HEADERS)


@web.middleware
async def errors_as_json(  # noqa: PLR0911 - one return for each kind of failure
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Answer every failure with its status and a JSON reason; only a defect is logged with a traceback."""
    try:
        return await handler(request)
    except (DeliveryError, QueryError) as error:
        return refusal(400, str(error))
    except UnknownError as error:
        return refusal(404, str(error))
    except StoreError as error:
        log.error("%s; whoever asked may try again in %d s", error, RETRY_AFTER)
        return refusal(503, str(error), {"Retry-After": str(RETRY_AFTER)})
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return refusal(405, f"{request.method} is not allowed here; use {allowed}", {hdrs.ALLOW: allowed})
    except web.HTTPNotFound:
        return refusal(404, "there is nothing here; snapshots go to POST /metrics/prometheus, the page is at /")
    except web.HTTPException as error:
        return refusal(error.status, error.reason)
    except Exception:
        log.exception("a defect: %s %r could not be answered", request.method, request.path)
        return refusal(500, "a defect of the dashboard; its log has the details")


@web.middleware
async def only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a browser sends on behalf of another site, unless it only reads."""
    if request.method not in _READING:
        origin = request.headers.get(hdrs.ORIGIN)
        if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITE or (
            origin is not None and origin.partition("://")[2] != request.host
        ):
            return refusal(403, f"the request comes from another site, {origin or 'unnamed'!r:.80}; it is refused")
    return await handler(request)


def only_for_hosts(hosts: frozenset[str]) -> Middleware:
    """Return what refuses requests for any other host, so no foreign site's name can be made to point here."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (request.url.host or "") not in hosts:
            known = ", ".join(sorted(hosts))
            return refusal(403, f"the request is for the host {request.host!r:.80}; this dashboard answers for {known}")
        return await handler(request)

    return check
