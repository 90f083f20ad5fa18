"""The target that an agent is to itself."""

from __future__ import annotations

from typing import cast

import pytest
from nodepulse_core.errors import ScrapeError
from nodepulse_core.exporter import HTTP
from nodepulse_core.model import Target
from nodepulse_core.own import OWN, OwnExporter
from nodepulse_core.plugins import PluginHost, Registry
from nodepulse_core.plugins.metadata import EXPORTERS, Installed

TARGET = Target(OWN, OWN, "agent:", 15.0, 3.0)
NO_HTTP = cast("HTTP", None)


async def test_it_gives_the_metrics_of_this_moment() -> None:
    """Each scrape asks anew; the text itself is sent."""
    texts = iter(["a 1\n", "a 2\n"])
    exporter = OwnExporter(lambda: next(texts))
    assert await exporter.scrape(TARGET, NO_HTTP) == b"a 1\n"
    assert await exporter.scrape(TARGET, NO_HTTP) == b"a 2\n"
    assert exporter.snapshot("a 1\n") is None
    assert not exporter.detect("nodepulse_build_info 1\n")


async def test_without_an_agent_it_says_where_they_are() -> None:
    """`nodepulse scrape nodepulse_agent` is told to ask the running agent."""
    with pytest.raises(ScrapeError, match="of a running agent; it answers with them at /metrics"):
        await OwnExporter().scrape(TARGET, NO_HTTP)


def test_no_plugin_takes_its_place() -> None:
    """It is known without any plugin, and one that bears its name is not asked for it."""
    assert Registry(PluginHost(list)).names() == [OWN]
    thief = Installed(name=OWN, group=EXPORTERS, module="no_such_module", distribution="thief", version="1")
    assert isinstance(Registry(PluginHost(lambda: [thief])).load(OWN), OwnExporter)
