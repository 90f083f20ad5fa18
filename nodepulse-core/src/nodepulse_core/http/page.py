"""The status page at `/`: how the agent is, for a person. It reads whole without a script, and is live with one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from aiohttp import web

from nodepulse_core.agent.report import Report
from nodepulse_core.errors import format_names
from nodepulse_core.health import Response
from nodepulse_core.http.answers import Refusal
from nodepulse_core.http.fragments import Show, draw
from nodepulse_core.http.markup import fill, join
from nodepulse_core.http.rows import Rows
from nodepulse_core.http.wording import ago
from nodepulse_core.units import format_slot

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "pulse.svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_SHOWS: dict[str, Show] = {"all": "all", "unhealthy": "unhealthy"}


class Page:
    """Answers with the page, its three files, and the last response of a target."""

    def __init__(self, report: Callable[[], Report], response: Callable[[str], Response | None]) -> None:
        """Take what makes a report, and what tells a target's last response, None where there is none yet."""
        self._report = report
        self._response = response

    @cached_property
    def _template(self) -> str:
        return (_STATIC / "page.html").read_text(encoding="utf-8")

    async def page(self, request: web.Request) -> web.Response:
        """Answer with the page as it is now; `?show=unhealthy` leaves out the targets that do not fail."""
        report = self._report()
        drawn = draw(report, Rows(), show=show_of(request), host=request.host, now=report.at)
        parts = {name: drawn.parts[name] for name in drawn.parts if name not in drawn.rows}
        text = fill(
            self._template,
            at=f"{report.at:.3f}",
            read=format_slot(int(report.at)),
            version=report.version,
            server_id=report.server_id,
            sender=report.delivery.sender,
            endpoint=report.delivery.endpoint,
            path=report.buffer.path,
            started=ago(report.started, report.at),
            rows=join(drawn.parts[name] for name in drawn.rows),
            **parts,
        )
        return web.Response(
            text=text, content_type="text/html", charset="utf-8", headers={"Content-Security-Policy": _POLICY}
        )

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Answer with one of the page's files, and with no other."""
        name = request.match_info["name"]
        if name not in _TYPES:
            raise web.HTTPNotFound
        # "no-cache" has the browser ask each time, and get a 304: an upgrade is seen at once.
        return web.FileResponse(_STATIC / name, headers={"Content-Type": _TYPES[name], "Cache-Control": "no-cache"})

    async def last(self, request: web.Request) -> web.Response:
        """Answer with a target's last response as it is stored; where it is cut, a last line says so."""
        name = request.match_info["name"]
        names = [target.name for target in self._report().targets]
        if name not in names:
            raise Refusal(404, f"there is no target {name[:80]!r}; there are: {format_names(names)}")
        response = self._response(name)
        if response is None:
            raise Refusal(404, f"no scrape of {name} has been stored since its loop began")
        return web.Response(body=_mark_cut(response), content_type="text/plain", charset="utf-8")


def _mark_cut(response: Response) -> bytes:
    """Return a response up to the end of its last whole line, and a comment that says how much is left out."""
    if response.size == len(response.beginning):
        return response.beginning
    whole = response.beginning[: response.beginning.rfind(b"\n") + 1]
    return whole + b"# cut here: %d of %d bytes are shown; the buffer has them all\n" % (len(whole), response.size)


def show_of(request: web.Request) -> Show:
    """Return which targets a request asks to be shown; 400 where there is no such choice."""
    wanted = request.query.get("show", "all")
    if wanted not in _SHOWS:
        raise Refusal(400, f"there is no show={wanted[:40]!r}; there are: {', '.join(_SHOWS)}")
    return _SHOWS[wanted]
