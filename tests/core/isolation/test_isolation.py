"""The children of an agent: described without being imported here, one for each target, and told of."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from attrs import evolve
from nodepulse_core.errors import PluginError
from nodepulse_core.isolation import Isolation
from nodepulse_core.isolation.isolation import read_description
from nodepulse_core.model import Target
from nodepulse_core.plugins import Registry
from support.plugins import HOOK, Site, exporter_source

TARGET = Target("mine", "x_exporter", "http://localhost:1", interval=15.0, timeout=3.0, isolation="process")
SAYS: dict[str, Any] = {
    "name": "x_exporter",
    "default_endpoint": "http://localhost:1",
    "default_interval": 15.0,
    "schemes": ["http"],
    "ports": [1],
    "field_names": ["up"],
}


def registry(site: Site, isolation: Isolation) -> Registry:
    """Return a registry whose exporters are described by children."""
    return Registry(site.host(), isolation.describe)


def test_an_exporter_is_described_without_being_imported(site: Site) -> None:
    """What a configuration needs to know comes from a child; this process never sees the module."""
    names = ("x_exporter", "y_exporter")
    site.add("x", exporters=dict.fromkeys(names, "x_module"), x_module=exporter_source(*names))
    described = registry(site, Isolation()).describe("x_exporter")
    assert described.name == "x_exporter"
    assert described.default_endpoint == "http://localhost:1/x_exporter"
    assert described.default_interval == 15.0
    assert described.ports == (1,)
    assert described.field_names == ("up",)
    assert "x_module" not in sys.modules


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(3)", "imported in a process of its own, its process exited with status 3"),
        ("import os; os.kill(os.getpid(), 11)", "imported in a process of its own, its process was ended by SIGSEGV"),
        ("raise SystemExit(1)", "importing x_module raised SystemExit: 1"),
        (HOOK + "x = bytearray(2**30)", "importing x_module raised MemoryError"),
        ("", "it implements no hook"),
    ],
)
def test_one_that_cannot_be_imported_is_broken(site: Site, source: str, reason: str) -> None:
    """Even what ends its process is a reason, which names distribution and version, and is told of in the list."""
    site.add("x", version="1.2", exporters={"x_exporter": "x_module"}, x_module=source)
    installed = registry(site, Isolation())
    for _ in range(2):
        with pytest.raises(PluginError, match=r"x_exporter of x 1\.2 is broken: ") as caught:
            installed.describe("x_exporter")
        assert reason in str(caught.value)


async def test_a_target_has_one_exporter(site: Site) -> None:
    """Asked for again, it is the same, with the limits of now; another target has another."""
    site.add("x", exporters={"x_exporter": "x_module"}, x_module=exporter_source("x_exporter"))
    isolation = Isolation()
    known = registry(site, isolation)
    given = (known.describe("x_exporter"), known.installed("x_exporter"), asyncio.get_running_loop())
    one = isolation.exporter(TARGET, *given)
    assert isolation.exporter(evolve(TARGET, max_memory=2**27), *given) is one
    assert one.order.max_memory == 2**27
    assert isolation.exporter(evolve(TARGET, name="other"), *given) is not one
    assert isolation.states() == ()
    await isolation.close()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "y_exporter"),
        ("name", None),
        ("default_endpoint", 1),
        ("default_endpoint", "x" * 5000),
        ("default_interval", 0.5),
        ("default_interval", True),
        ("default_interval", "15s"),
        ("default_interval", float("inf")),
        ("schemes", "http"),
        ("schemes", [1]),
        ("ports", [0]),
        ("ports", [True]),
        ("ports", None),
        ("field_names", [1]),
        ("field_names", None),
    ],
)
def test_what_a_child_says_of_itself_is_not_trusted(key: str, value: object) -> None:
    """A description of other types, or of another exporter, is none."""
    assert read_description(SAYS, "x_exporter").ports == (1,)
    with pytest.raises(PluginError, match="gives no description of x_exporter"):
        read_description(SAYS | {key: value}, "x_exporter")
