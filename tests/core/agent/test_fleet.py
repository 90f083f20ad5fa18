"""The fleet: targets come, change and go one at a time, and what has not changed is not touched."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.agent.fleet import Fleet, NameTakenError, Origin, describe_change
from nodepulse_core.collect import Job
from nodepulse_core.errors import PluginError
from nodepulse_core.exporter import Exporter, HTTPExporter
from nodepulse_core.model import Access, Target

EXPORTER = HTTPExporter("prometheus", default_endpoint="")


def target(name: str, **more: Any) -> Target:
    """Return a target."""
    return Target(name, "prometheus", f"http://127.0.0.1/{name}", **{"interval": 15.0, "timeout": 3.0, **more})


class Loops:
    """What the fleet knows of collect: which loops run, and what was done to them in which order."""

    def __init__(self) -> None:
        self.running: dict[str, Target] = {}
        self.done: list[str] = []

    def add(self, job: Job) -> None:
        """Start a loop; there must not be one of that name."""
        assert job.target.name not in self.running
        self.running[job.target.name] = job.target
        self.done.append(f"+{job.target.name}")

    async def remove(self, name: str) -> None:
        """End a loop, which takes a moment."""
        await asyncio.sleep(0)
        del self.running[name]
        self.done.append(f"-{name}")


def make() -> tuple[Fleet, Loops]:
    """Return a fleet without targets, and its loops."""
    loops = Loops()
    return Fleet(loops, lambda _: EXPORTER), loops  # type: ignore[arg-type]  # what the fleet uses of it


async def test_a_target_is_scraped_from_when_it_is_added_until_it_is_removed() -> None:
    """Adding starts a loop, removing ends it; the member tells where it is from."""
    fleet, loops = make()
    await fleet.add(target("one"), "api")
    assert loops.running == {"one": target("one")}
    assert [(member.target.name, member.origin) for member in fleet.members()] == [("one", "api")]
    removed = await fleet.remove("one")
    assert removed is not None
    assert loops.running == {}
    assert fleet.find("one") is None
    assert await fleet.remove("one") is None


async def test_a_name_is_given_once() -> None:
    """A second target of a name is refused, with the place of the first."""
    fleet, loops = make()
    await fleet.apply([target("one")], "file")
    with pytest.raises(NameTakenError, match="taken by a target from the configuration file"):
        await fleet.add(target("one"), "api")
    assert loops.done == ["+one"]


async def test_of_two_at_once_one_gets_the_name() -> None:
    """Two callers that add one name at the same time: one succeeds, the other is told."""
    fleet, loops = make()
    results = await asyncio.gather(*(fleet.add(target("one"), "api") for _ in range(2)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NameTakenError", "NoneType"]
    assert loops.done == ["+one"]


async def test_only_what_differs_is_restarted() -> None:
    """Applying targets starts the new, restarts the changed, stops the missing, and leaves the rest alone."""
    fleet, loops = make()
    await fleet.apply([target("same"), target("changed", interval=30.0), target("gone")], "file")
    loops.done.clear()
    change = await fleet.apply([target("new"), target("changed"), target("same")], "file")
    assert sorted(loops.done) == ["+changed", "+new", "-changed", "-gone"]
    assert str(change) == "+new ~changed(interval 30s→15s) -gone =same"


async def test_each_origin_has_its_own() -> None:
    """What the file no longer declares goes; what was added at run time stays."""
    fleet, loops = make()
    await fleet.apply([target("declared")], "file")
    await fleet.add(target("added"), "api")
    await fleet.apply([], "file")
    assert set(loops.running) == {"added"}


async def test_the_file_takes_a_name_over() -> None:
    """A name that was added at run time and is then declared belongs to the file from then on."""
    fleet, loops = make()
    await fleet.add(target("one", interval=30.0), "api")
    change = await fleet.apply([target("one")], "file")
    assert str(change) == "+one"
    assert loops.running == {"one": target("one")}
    found = fleet.find("one")
    assert found is not None
    assert found.origin == "file"


async def test_what_was_found_takes_no_name() -> None:
    """A search of the machine never replaces what the file declares or a caller added."""
    fleet, loops = make()
    await fleet.apply([target("one")], "file")
    await fleet.add(target("two"), "api")
    change = await fleet.apply([target("one", interval=1.0), target("two", interval=1.0), target("three")], "discovery")
    assert str(change) == "+three"
    assert loops.running["one"].interval == loops.running["two"].interval == 15.0


async def test_an_exporter_that_is_missing_changes_nothing() -> None:
    """Where one of the targets has no exporter, all stay as they were."""
    loops = Loops()

    def exporter(of: Target) -> Exporter:
        if of.type != "prometheus":
            raise PluginError("there is no exporter 'mysql_exporter'")
        return EXPORTER

    fleet = Fleet(loops, exporter)  # type: ignore[arg-type]  # the same
    await fleet.apply([target("one"), target("two")], "file")
    loops.done.clear()
    with pytest.raises(PluginError):
        await fleet.apply([target("three"), evolve(target("one"), type="mysql_exporter")], "file")
    assert loops.done == []
    assert set(loops.running) == {"one", "two"}


NAMES = st.sampled_from(["a", "b", "c", "d"])
TARGETS = st.dictionaries(NAMES, st.sampled_from([15.0, 30.0])).map(
    lambda chosen: [target(name, interval=interval) for name, interval in chosen.items()]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), TARGETS, st.sampled_from(["file", "discovery"])),
        st.tuples(st.just("add"), NAMES, st.just("api")),
        st.tuples(st.just("remove"), NAMES, st.just("api")),
    ),
    max_size=20,
)


@given(STEPS)
async def test_the_loops_are_always_as_the_fleet_says(steps: list[tuple[str, Any, Origin]]) -> None:
    """After any changes, in turn or at once, exactly the members are scraped, each as the fleet knows it."""
    fleet, loops = make()

    async def take(step: tuple[str, Any, Origin]) -> None:
        what, of, origin = step
        if what == "apply":
            await fleet.apply(of, origin)
        elif what == "add":
            try:
                await fleet.add(target(of), origin)
            except NameTakenError:
                assert fleet.find(of) is not None
        else:
            await fleet.remove(of)

    await asyncio.gather(*map(take, steps))
    assert loops.running == {member.target.name: member.target for member in fleet.members()}


def test_a_change_is_told_without_secrets() -> None:
    """Keys that may hold secrets are named, their values are not."""
    old = target("one", access=Access(headers={"X-Key": "before"}))
    new = target("one", timeout=2.5, access=Access(headers={"X-Key": "canary"}))
    assert describe_change(old, new) == "timeout 3s→2s500ms, access"
