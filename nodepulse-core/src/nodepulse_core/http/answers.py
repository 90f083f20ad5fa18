"""How the agent answers: JSON for whatever went wrong, and headers that keep an answer to itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from nodepulse_core.units import format_size

_HEADERS = {
    "Server": "nodepulse",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
log = logging.getLogger(__name__)


class Refusal(Exception):  # noqa: N818 - an answer, not an error of the agent
    """An answer other than 2xx: its status, its reason, and the problems where there are several."""

    def __init__(
        self, status: int, reason: str, problems: Sequence[str] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.problems = tuple(problems)
        self.headers = headers or {}


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON answer, with a line's end for who reads it in a terminal."""
    body = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def refuse(refusal: Refusal) -> web.Response:
    """Return `{"error": reason, "problems": […]}`."""
    value = {"error": refusal.reason, "problems": list(refusal.problems)}
    return answer(value, refusal.status, refusal.headers)


def errors_as_json(routes: Callable[[], Iterable[str]]) -> Middleware:
    """Return the middleware that answers every failure with its status and a JSON reason.

    `routes` are those that there are, named where a caller asks for another. Only a defect is logged, with its
    traceback.
    """

    @web.middleware
    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return refuse(refusal)
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            reason = f"{request.method} is not allowed here; use {allowed}"
            return refuse(Refusal(error.status, reason, headers={hdrs.ALLOW: allowed}))
        except web.HTTPNotFound as error:
            known = ", ".join(routes())
            return refuse(Refusal(error.status, f"there is nothing at {request.path[:80]!r}; there are: {known}"))
        except web.HTTPException as error:
            reason = error.reason
            if isinstance(error, web.HTTPRequestEntityTooLarge):
                reason = f"the body is larger than {format_size(request.client_max_size)}, which is all that is read"
            return refuse(Refusal(error.status, reason))
        except Exception:
            log.exception("a defect: %s %.80r was not answered; nothing else is harmed", request.method, request.path)
            return refuse(Refusal(500, "a defect of the agent; its log has the details"))

    return answered


def is_set(request: web.Request, switch: str) -> bool:
    """Tell whether a request's query turns a switch on: `?force=1`, also `true` or `yes`."""
    return request.query.get(switch, "").lower() in {"1", "true", "yes"}


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer the headers that keep foreign scripts, frames and guesses out; a page may set its own."""
    del request
    for name, value in _HEADERS.items():
        if name == "Server" or name not in response.headers:
            response.headers[name] = value
