"""Which exporter does a target's work."""

from __future__ import annotations

import sys

import pytest
from attrs import evolve
from nodepulse_core.agent.exporters import Exporters
from nodepulse_core.errors import UnavailableError
from nodepulse_core.isolation import IsolatedExporter, Isolation
from nodepulse_core.model import Target
from nodepulse_core.own import OwnExporter
from nodepulse_core.plugins import Registry
from support.plugins import Site, exporter_source

TARGET = Target("mine", "x_exporter", "http://localhost:1", interval=15.0, timeout=3.0)
APART = evolve(TARGET, isolation="process")


@pytest.fixture
def site(site: Site) -> Site:
    """Give a directory on the path with one exporter, and one that cannot be imported."""
    site.add("x", exporters={"x_exporter": "x_module"}, x_module=exporter_source("x_exporter"))
    site.add("bad", exporters={"bad_exporter": "bad_module"}, bad_module="import os; os._exit(3)")
    return site


def make(site: Site, isolated: tuple[str, ...] = (), held: tuple[str, ...] = ()) -> Exporters:
    """Return the exporters of an agent with what is installed there."""
    isolation = Isolation()
    registry = Registry(site.host(), isolation.describe)
    return Exporters(registry, isolation, write_metrics=lambda: "up 1\n", isolated=isolated, held=held)


async def test_a_plugin_is_loaded_here_unless_it_is_isolated(site: Site) -> None:
    """Only a target that asks for it, or has held the loop for ever, has a process of its own."""
    assert not isinstance(make(site).find(TARGET), IsolatedExporter)
    sys.modules.pop("x_module")
    for exporters, target in ((make(site), APART), (make(site, held=("mine",)), TARGET)):
        assert isinstance(exporters.find(target), IsolatedExporter)
    assert "x_module" not in sys.modules


async def test_what_needs_no_plugin_is_never_isolated(site: Site) -> None:
    """The generic exporter and the agent's own run no foreign code."""
    exporters = make(site)
    assert not isinstance(exporters.find(evolve(APART, type="prometheus")), IsolatedExporter)
    assert isinstance(exporters.find(evolve(APART, type="nodepulse_agent")), OwnExporter)


async def test_what_is_left_of_an_isolated_target_is_not_brought_here(site: Site) -> None:
    """Snapshots of a target that was removed, and what discovery asks, stay apart once its type was."""
    exporters = make(site)
    exporters.find(APART)
    left = Target("gone", "x_exporter", endpoint="", interval=0.0, timeout=0.0, payload="snapshot")
    assert isinstance(exporters.find_for_snapshots(left), IsolatedExporter)
    assert isinstance(exporters.find_by_type("x_exporter"), IsolatedExporter)
    assert isinstance(make(site, isolated=("x_exporter",)).find_for_snapshots(left), IsolatedExporter)
    assert "x_module" not in sys.modules
    assert not isinstance(make(site).find_for_snapshots(left), IsolatedExporter)


async def test_one_that_cannot_be_described_costs_no_entry(site: Site) -> None:
    """Entries of an isolated exporter that is broken wait; those of no exporter at all are sent raw."""
    exporters = make(site)
    with pytest.raises(UnavailableError, match="bad_exporter of bad 1"):
        exporters.find_for_snapshots(evolve(APART, type="bad_exporter"))
    assert exporters.find_for_snapshots(evolve(TARGET, type="none_exporter")) is None
