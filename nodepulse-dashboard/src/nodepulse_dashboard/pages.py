"""GET / and what the page is made of: this package's static files, and the installed plotly's JavaScript."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from aiohttp import web
from nodepulse_core.errors import NodePulseError

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def plotly_script() -> Path:
    """Return where the installed plotly has its JavaScript. plotly itself is not imported: it takes a second.

    Raises NodePulseError where it is not there.
    """
    spec = find_spec("plotly")
    for folder in (spec and spec.submodule_search_locations) or ():
        script = Path(folder, "package_data", "plotly.min.js")
        if script.is_file():
            return script
    raise NodePulseError("plotly's JavaScript is not installed, so nothing can be drawn; reinstall the package plotly")


class Pages:
    """Serves the page and its files, and no other file."""

    def __init__(self) -> None:
        self._files = {file.name: file for file in _STATIC.iterdir() if file.suffix in _TYPES}
        script = plotly_script()
        self._files[script.name] = script

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Answer with the page."""
        del request
        return self._file("index.html")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Answer with one of the page's files."""
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.StreamResponse:
        if name not in self._files:
            raise web.HTTPNotFound
        file = self._files[name]
        # "no-cache" has the browser ask each time, and get a 304: an upgrade is seen at once.
        return web.FileResponse(file, headers={"Content-Type": _TYPES[file.suffix], "Cache-Control": "no-cache"})
