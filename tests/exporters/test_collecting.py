"""The plugins that docs/collecting.md shows: they stand there whole, and work."""

from __future__ import annotations

import asyncio
import re
import types
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core import HTTPExporter, ScrapeError, Target
from nodepulse_core.collect import Scraper
from nodepulse_core.config import load_settings, make_targets

PAGE = (Path(__file__).parent.parent.parent / "docs" / "collecting.md").read_text()
SLOT = 1_800_000_000


def shown(language: str) -> list[str]:
    """Return the page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def exporter(place: int) -> HTTPExporter:
    """Return the exporter that one of the shown plugins brings."""
    module = types.ModuleType(f"shown_{place}")
    exec(compile(shown("python")[place], f"collecting.md[{place}]", "exec"), module.__dict__)  # noqa: S102 - our own page
    (made,) = module.nodepulse_exporters()
    assert isinstance(made, HTTPExporter)
    return made


async def scrape(made: HTTPExporter, endpoint: str) -> Any:
    """Return the snapshot of a scrape, by the agent's own way."""
    target = Target("t", made.name, endpoint, interval=15.0, timeout=3.0)
    scraped = await Scraper(None).scrape(target, made, SLOT, 3.0)  # type: ignore[arg-type]  # nothing is fetched
    return made.snapshot(scraped.body.decode())


async def test_the_complete_plugin_collects_a_folder(tmp_path: Path) -> None:
    """The first plugin counts files, zero included, and says why where it cannot."""
    made = exporter(0)
    (tmp_path / "queue").mkdir()
    assert await scrape(made, f"queue:{tmp_path}/queue") == {"queue_length": 0, "queue_size_bytes": 0}
    (tmp_path / "queue" / "a").write_text("12345")
    assert await scrape(made, f"queue:{tmp_path}/queue") == {"queue_length": 1, "queue_size_bytes": 5}
    with pytest.raises(ScrapeError, match=r"cannot read the queue in .*: No such file or directory"):
        await scrape(made, f"queue:{tmp_path}/none")


def test_its_configuration_loads(tmp_path: Path) -> None:
    """The configuration that the page shows makes two targets of it, with their endpoints."""
    path = tmp_path / "nodepulse.yml"
    path.write_text("server: {endpoint: 'http://127.0.0.1:1/in'}\n" + shown("yaml")[0])
    made = exporter(0)
    targets = make_targets(load_settings(path, {}), [made.name], lambda _: made).targets
    assert [target.endpoint for target in targets] == ["queue:/var/spool/queue", "queue:/var/spool/outbox"]


async def test_the_plugin_with_a_connection_keeps_it() -> None:
    """The second plugin asks over one connection until that breaks, and has none left when it is closed."""
    made = exporter(1)
    writers: list[asyncio.StreamWriter] = []
    ended: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        ended.append(asyncio.current_task())
        while await reader.readline():
            writer.write(b"STAT pid 1\r\nSTAT curr_items 7\r\nEND\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        endpoint = f"memcached:127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for _ in range(3):
            assert await scrape(made, endpoint) == {"memcached_up": 1, "memcached_current_items": 7}
        assert len(writers) == 1
        writers[0].close()
        await asyncio.sleep(0)
        assert await scrape(made, endpoint) == {"memcached_up": 1, "memcached_current_items": 7}
        assert len(writers) == 2
        await made.close()
        await asyncio.gather(*(task for task in ended if task), return_exceptions=True)
    with pytest.raises(ScrapeError, match=r"cannot ask memcached:127\.0\.0\.1"):
        await scrape(made, endpoint)


@pytest.mark.parametrize("name", ["node", "redis", "postgres"])
def test_every_scheme_of_our_own_is_on_the_page(name: str) -> None:
    """The table has each scheme that an exporter of this repository reads by itself, but for the alias `postgres://`."""
    module = __import__(f"nodepulse_exporter_{name}")
    (made,) = module.nodepulse_exporters()
    for scheme in set(made.schemes) - {"http", "https", "postgres"}:
        assert f"`{scheme}:" in PAGE
