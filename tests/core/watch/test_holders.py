"""Who holds the event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core.plugins import EXPORTERS, Installed
from nodepulse_core.watch.holders import Holder
from nodepulse_core.watch.loop_watch import holder_finder

PLUGIN = Installed("odd_exporter", EXPORTERS, "odd_package.plugin", "odd", "1.2")
OTHER = Installed("other_exporter", EXPORTERS, "other_package", "other", "1.0")
SOURCE = """
async def scrape(hold):
    hold()

def observe(hold):
    hold()
"""


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a module of the package that a plugin's entry point names."""
    (tmp_path / "odd_package").mkdir()
    (tmp_path / "odd_package" / "__init__.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import odd_package  # type: ignore[import-not-found]  # noqa: PLC0415 - made just now

    yield odd_package
    sys.modules.pop("odd_package")


async def held_by(call: Any, name: str) -> Holder | None:
    """Return who is found while a task of that name runs a coroutine function that is given what holds the loop."""
    find = holder_finder(asyncio.get_running_loop(), lambda: [PLUGIN, OTHER])
    found: list[Holder | None] = []

    def hold() -> None:
        looking = threading.Thread(target=lambda: found.append(find()))
        looking.start()
        looking.join()

    await asyncio.create_task(call(hold), name=name)
    return found[0]


async def test_a_scrape_is_named_with_its_target(odd: Any) -> None:
    """The task says which target, the stack says whose code: also where that has called something else."""
    holder = await held_by(odd.scrape, "scrape odd_one")
    assert holder == Holder(PLUGIN, "odd_one")
    assert str(holder) == "the exporter odd_exporter of target odd_one (odd 1.2)"


async def test_a_hook_is_named_without_a_target(odd: Any) -> None:
    """An observer is called in a task of ours: the plugin is named, and no target."""

    async def ours(hold: Any) -> None:
        odd.observe(hold)

    assert str(await held_by(ours, "collect odd_one")) == "the plugin odd_exporter (odd 1.2)"


async def test_what_is_no_plugins_is_nobodys() -> None:
    """Where only code of ours is on the stack, no plugin is blamed, whatever is being scraped."""

    async def ours(hold: Any) -> None:
        hold()

    assert await held_by(ours, "scrape odd_one") is None
