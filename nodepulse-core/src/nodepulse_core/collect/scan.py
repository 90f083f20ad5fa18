"""One look at this machine: which of some ports answer with exposition text, and which exporter's it is.

    port ─▶ 127.0.0.1, else ::1 ─▶ connect ─▶ GET ─▶ exposition? ─▶ each exporter's detect ─▶ found

Loopback only, all ports at once, with short limits. An exporter that fails or hangs in its `detect` is said once, and
not asked again; the scan goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from urllib.parse import urlsplit

from attrs import frozen

from nodepulse_core.blocking import call_blocking
from nodepulse_core.collect.scrape import Scraper
from nodepulse_core.errors import PluginError, ScrapeError
from nodepulse_core.exporter import Exporter, HTTPExporter, ports_of
from nodepulse_core.model import GENERIC, Target

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 2.0
DETECT_SECONDS = 2.0
_HOSTS = ("127.0.0.1", "::1")
_PATH = "/metrics"
_AT_ONCE = 64
_GENERIC = HTTPExporter(GENERIC, default_endpoint="")
log = logging.getLogger(__name__)


@frozen(order=True)
class Found:
    """A listener that answers with exposition text; `own` says whether the port is the first of its exporter's."""

    port: int
    endpoint: str
    type: str = GENERIC
    own: bool = False

    @property
    def name(self) -> str:
        """The target's name: of type and port alone, so that it is the same in every scan and after every restart."""
        if self.type == GENERIC:
            return f"port_{self.port}"
        return self.type if self.own else f"{self.type}_{self.port}"


class Scanner:
    """Looks at ports. It remembers nothing but which exporters cannot be asked."""

    def __init__(
        self,
        scraper: Scraper,
        names: Callable[[], Iterable[str]],
        load: Callable[[str], Exporter],
        *,
        detect_seconds: float = DETECT_SECONDS,
    ) -> None:
        """Take what scrapes, the names of the installed exporters, and what loads one; it may raise PluginError."""
        self._scraper = scraper
        self._names = names
        self._load = load
        self._detect_seconds = detect_seconds
        self._unusable: set[str] = set()

    async def scan(self, ports: Sequence[int] | None = None, leave: Iterable[int] = ()) -> tuple[Found, ...]:
        """Return what answers on these ports, or on those that installed exporters declare; some ports are left out."""
        exporters = await asyncio.to_thread(self._exporters)
        wanted = set(_declared(exporters) if ports is None else ports).difference(leave)
        room = asyncio.Semaphore(_AT_ONCE)

        async def look(port: int) -> Found | None:
            async with room:
                return await self._look(port, exporters)

        found = await asyncio.gather(*map(look, sorted(wanted)))
        return tuple(each for each in found if each is not None)

    async def ports(self) -> list[int]:
        """Return the ports at which installed exporters say they are found."""
        return _declared(await asyncio.to_thread(self._exporters))

    def _exporters(self) -> list[Exporter]:
        loaded = []
        for name in self._names():
            if name not in self._unusable:
                try:
                    loaded.append(self._load(name))
                except PluginError as error:
                    self._give_up(name, str(error))
        return loaded

    def _give_up(self, name: str, reason: str) -> None:
        self._unusable.add(name)
        log.warning("%s; it is not looked for", reason)

    async def _look(self, port: int, exporters: Sequence[Exporter]) -> Found | None:
        host = await _listener(port)
        if host is None:
            return None
        for path in dict.fromkeys((*_paths(port, exporters), _PATH)):
            endpoint = f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"
            text = await self._fetch(port, endpoint)
            if text is not None:
                return await self._recognize(port, endpoint, text, exporters)
        return None

    async def _fetch(self, port: int, endpoint: str) -> str | None:
        target = Target(f"port_{port}", GENERIC, endpoint, interval=ANSWER_SECONDS, timeout=ANSWER_SECONDS)
        try:
            scraped = await self._scraper.scrape(target, _GENERIC, 0, ANSWER_SECONDS)
        except ScrapeError as error:
            log.debug("%s answers, but not as an exporter: %s", endpoint, error)
            return None
        return scraped.body.decode()

    async def _recognize(self, port: int, endpoint: str, text: str, exporters: Sequence[Exporter]) -> Found:
        claims = [exporter for exporter in exporters if await self._detects(exporter, text)]
        at_home = [exporter for exporter in claims if port in ports_of(exporter)]
        chosen = claims if len(claims) == 1 else at_home
        if len(chosen) != 1:
            if claims:
                names = " and ".join(exporter.name for exporter in claims)
                log.warning("%s is taken for its own by %s; it is scraped as raw text", endpoint, names)
            return Found(port, endpoint)
        (exporter,) = chosen
        return Found(port, endpoint, exporter.name, own=ports_of(exporter)[:1] == (port,))

    async def _detects(self, exporter: Exporter, text: str) -> bool:
        if exporter.name in self._unusable:
            return False
        asked = asyncio.ensure_future(call_blocking(partial(_ask, exporter, text), f"detect {exporter.name}"))
        await asyncio.wait({asked}, timeout=self._detect_seconds)
        if not asked.done():
            asked.cancel()
            self._give_up(exporter.name, f"{exporter.name} has not returned from detect")
            return False
        answer = asked.result()
        if isinstance(answer, str):
            self._give_up(exporter.name, f"{exporter.name} raised {answer} in detect")
            return False
        return answer


def _declared(exporters: Iterable[Exporter]) -> list[int]:
    return sorted({port for exporter in exporters for port in ports_of(exporter)})


def _ask(exporter: Exporter, text: str) -> bool | str:
    """Return what an exporter says of a text, or what it raised."""
    try:
        return bool(exporter.detect(text))
    except BaseException as error:  # noqa: BLE001 - a plugin's code: SystemExit must not end the agent
        return f"{type(error).__name__}: {error}"


def _paths(port: int, exporters: Iterable[Exporter]) -> list[str]:
    at_home = [exporter for exporter in exporters if port in ports_of(exporter)]
    return [urlsplit(exporter.default_endpoint).path or "/" for exporter in at_home]


async def _listener(port: int) -> str | None:
    """Return the loopback address at which something listens; a listener on both is one."""
    for host in _HOSTS:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
            writer.transport.abort()
            return host
    return None
