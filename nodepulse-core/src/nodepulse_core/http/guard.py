"""Who may: decides on each request before anything else looks at it.

    token shown ─▶ right? ─▶ may do everything
    no token ─▶ from this machine? ─▶ for this agent, by no other site? ─▶ may read
                                                                   └─▶ of the agent's user, or root ─▶ may change

A token is needed by whoever comes from elsewhere, or through a proxy. A browser on this machine is the one caller that
may be made to ask by somebody else: by a foreign name that points here, or by another site's page.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from attrs import field, frozen

from nodepulse_core.errors import NodePulseError
from nodepulse_core.health import Condition
from nodepulse_core.http.answers import Refusal, refuse
from nodepulse_core.http.peer import Ends, UnknownPeerError, find_user
from nodepulse_core.http.token import Token

_READS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_FOR_ALL = frozenset({"/live", "/ready"})
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
_OWN_SITE = frozenset({"same-origin", "none"})
_SCHEME = "bearer "
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="nodepulse"'}
_ROOT = 0


@frozen
class Guard:
    """Lets through who may, and refuses the others with the reason and what would help."""

    host: str
    """The host that is listened on, as the configuration names it."""
    token: Token | None = None
    find_user: Callable[[Ends], int] = find_user
    user: int = field(factory=os.geteuid)
    refused: Condition = field(factory=lambda: Condition("a change over HTTP"))
    """Changes that were refused: said, and thinned where one caller goes on and on."""
    token_file: Condition = field(factory=lambda: Condition("the token of api.token_file"))

    def middleware(self) -> Middleware:
        """Return it as the application takes it."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                await self._check(request)
            except Refusal as refusal:
                if request.method not in _READS:
                    self.refused.failed(time.time(), refusal.reason, "nothing was changed")
                response = refuse(refusal)
                response.force_close()  # its body, if it has one, is not waited for
                return response
            return await handler(request)

        return guarded

    async def _check(self, request: web.Request) -> None:
        shown = request.headers.get(hdrs.AUTHORIZATION)
        if shown is not None:
            self._check_token(shown)
            return
        if request.path in _FOR_ALL and request.method in _READS:
            return
        if not _is_near(request):
            raise self._lacks_token("a request from another machine, or through a proxy,")
        self._check_host(request)
        _check_site(request)
        if request.method not in _READS:
            await self._check_user(request)

    def _check_token(self, shown: str) -> None:
        if self.token is None:
            raise Refusal(401, "no token is known here; set api.token_file, then restart the agent", headers=_CHALLENGE)
        try:
            right = self.token.matches(shown[len(_SCHEME) :].strip()) and shown[: len(_SCHEME)].lower() == _SCHEME
        except NodePulseError as error:
            self.token_file.failed(time.time(), str(error), "no token is accepted")
            raise Refusal(401, "no token is accepted now; the agent's log says why", headers=_CHALLENGE) from error
        self.token_file.succeeded(time.time())
        if not right:
            raise Refusal(401, "this is not the token of api.token_file", headers=_CHALLENGE)

    def _check_host(self, request: web.Request) -> None:
        for given in request.headers.getall(hdrs.HOST, ()):
            host = _host_of(given)
            if host not in {"localhost", self.host.lower()} and not _is_number(host):
                raise Refusal(421, f"the request is for {given[:80]!r}; without a token only localhost is answered for")

    async def _check_user(self, request: web.Request) -> None:
        try:
            user = await asyncio.to_thread(self.find_user, _ends_of(request))
        except (UnknownPeerError, OSError) as error:
            raise self._lacks_token(f"a change by a caller that is not known ({error})") from error
        if user not in {_ROOT, self.user}:
            raise self._lacks_token(f"a change by user {user}, neither root nor the agent's own user {self.user},")

    def _lacks_token(self, what: str) -> Refusal:
        if self.token is None:
            ways = f"ask as root or as the agent's own user {self.user} on this machine, or set api.token_file"
            return Refusal(403, f"{what} needs a token, and none is set; {ways}")
        return Refusal(401, f"{what} needs the token: Authorization: Bearer …", headers=_CHALLENGE)


def _ends_of(request: web.Request) -> Ends:
    connection = request.get_extra_info("socket")
    if connection is None:
        raise UnknownPeerError("its connection is gone")
    return Ends.of(connection)


def _is_near(request: web.Request) -> bool:
    """Tell whether a request comes from this machine itself, and nobody has passed it on."""
    near = request.remote is not None and _is_number(request.remote) and ip_address(request.remote).is_loopback
    return near and not any(header in request.headers for header in _FORWARDED)


def _check_site(request: web.Request) -> None:
    """Refuse what a page of another site has a browser ask for; its user may follow a link to a page of ours."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    follows = (
        request.method in _READS
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
    if site not in _OWN_SITE and not follows:
        raise Refusal(403, f"the request was made by another site (Sec-Fetch-Site: {site[:40]})")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and origin != f"http://{request.headers.get(hdrs.HOST)}":
        raise Refusal(403, f"the request was made by another site ({origin[:80]!r})")


def _host_of(given: str) -> str:
    try:
        return (urlsplit(f"//{given}").hostname or "").lower()
    except ValueError:
        return ""


def _is_number(host: str) -> bool:
    """Tell whether a host is an address: no name, that could be made to point elsewhere."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
