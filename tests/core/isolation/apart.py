"""One exporter of a fake plugin, in a process of its own, with a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import textwrap
from typing import Any

from nodepulse_core.errors import ScrapeError
from nodepulse_core.exporter import Description
from nodepulse_core.isolation.child import Order
from nodepulse_core.isolation.exporter import IsolatedExporter
from nodepulse_core.model import Target
from support.plugins import Site

BODY = b"# TYPE up gauge\nup 1\n"
_SOURCE = """\
{before}
from nodepulse_core import hookimpl

class Exporter:
    name = "{name}"
    default_endpoint = "http://localhost:1/metrics"
    default_interval = 1.0

    async def scrape(self, target, http):
        return b"up 1\\n"

    def snapshot(self, text):
        return {{"up": 1}}

    def detect(self, text):
        return False

{body}

@hookimpl
def nodepulse_exporters():
    yield Exporter()
"""


class Web:
    """HTTP that answers each GET with the same, and remembers what it was asked for."""

    def __init__(self, body: bytes = BODY) -> None:
        self.body = body
        self.asked: list[Target] = []

    async def get(self, target: Target) -> bytes:
        """Return the body."""
        self.asked.append(target)
        return self.body


class Apart:
    """An isolated exporter, its target, and the time by which it waits."""

    def __init__(
        self, site: Site, body: str, before: str, loop: asyncio.AbstractEventLoop, *, number: int = 0, **target: Any
    ) -> None:
        name = f"odd{number}_exporter"
        module = f"odd{number}_module"
        source = _SOURCE.format(
            name=name, body=textwrap.indent(textwrap.dedent(body), "    "), before=textwrap.dedent(before)
        )
        site.add(f"odd{number}", exporters={name: module}, **{module: source})
        self.time = 0.0
        given = {"interval": 1.0, "timeout": 20.0, "isolation": "process", "max_memory": 256 * 1024**2} | target
        self.target = Target(name, name, "http://localhost:1/metrics", **given)
        self.installed = tuple(each for each in site.read() if each.name == name)
        self.web = Web()
        self.exporter = IsolatedExporter(
            Description(name, "http://localhost:1/metrics", 1.0),
            Order(name, name, self.installed, self.target.max_memory),
            loop,
            monotonic=lambda: self.time,
            now=lambda: self.time,
        )

    async def scrape(self) -> bytes:
        """Return what a scrape gives."""
        return await self.exporter.scrape(self.target, self.web)

    async def reason(self) -> str:
        """Return why a scrape fails."""
        try:
            said = await self.scrape()
        except ScrapeError as error:
            return str(error)
        raise AssertionError(f"it did not fail, but gave {said!r}")

    async def snapshot(self, text: str = "up 1\n") -> Any:
        """Return the snapshot of a text, asked for in a thread as the drain does."""
        return await asyncio.to_thread(self.exporter.snapshot, text)
