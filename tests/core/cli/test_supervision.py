"""What a supervisor is told while the agent runs."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import pytest
from nodepulse_core.agent.agent import Agent
from nodepulse_core.agent.report import Report
from nodepulse_core.cli.supervision import Supervision, describe
from nodepulse_core.errors import ConfigError
from nodepulse_core.notify import Notifier
from nodepulse_core.testing.clock import FakeClock
from support.reports import make_report, make_target


class Reports:
    """What makes reports."""

    def __init__(self) -> None:
        self.now = make_report()

    def report(self) -> Report:
        """Return what was put here."""
        return self.now


class Reloading:
    """A control that can only reload, and fails if it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def reload(self) -> None:
        """Reload, or raise."""
        if self.error:
            raise self.error


class FakeAgent:
    """An agent as far as a supervision asks it."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.reporter = Reports()
        self.control = Reloading()
        self.behind: list[str] = []

    def stalled(self) -> list[str]:
        """Return what was put here."""
        return self.behind


class Heard(Notifier):
    """A notifier that keeps what it would send."""

    def __init__(self) -> None:
        super().__init__("/nowhere", 30.0)
        self.messages: list[str] = []

    def _send(self, *fields: str) -> None:
        self.messages.append(fields[0])


class Scene:
    """A supervision of a fake agent on a fake clock."""

    def __init__(self) -> None:
        self.agent, self.heard, self.clock = FakeAgent(), Heard(), FakeClock()
        self.supervision = Supervision(cast(Agent, self.agent), self.heard, self.clock)
        self.task = asyncio.create_task(self.supervision.run())

    async def turn(self) -> list[str]:
        """Let it look about three times, or as often as it does in some turns; return what it said."""
        self.heard.messages.clear()
        for _ in range(10):
            await asyncio.sleep(0)
        return list(self.heard.messages)


@pytest.fixture
async def scene() -> Scene:
    """Give a supervision that runs."""
    return Scene()


async def test_nothing_is_said_before_the_agent_runs(scene: Scene) -> None:
    """READY=1 is the first word, and waits for the agent; then the watchdog is fed three times in its time."""
    assert await scene.turn() == []
    scene.agent.running.set()
    assert (await scene.turn())[:2] == ["READY=1", "WATCHDOG=1"]
    assert set(scene.clock.slept) == {10.0}


async def test_a_loop_that_stalls_starves_the_watchdog(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Where a loop does not get on, no WATCHDOG=1 is sent and the log says which, once; it is fed again afterwards."""
    scene.agent.running.set()
    await scene.turn()
    scene.agent.behind = ["redis_exporter", "drain"]
    with caplog.at_level(logging.ERROR):
        assert "WATCHDOG=1" not in await scene.turn()
    (record,) = caplog.records
    assert record.getMessage() == "no progress of redis_exporter, drain; the watchdog is not fed until there is"
    scene.agent.behind = []
    assert "WATCHDOG=1" in await scene.turn()


async def test_the_status_is_said_when_it_changes(scene: Scene) -> None:
    """The line of `systemctl status` is sent anew only where it is another one."""
    scene.agent.running.set()
    await scene.turn()
    assert set(await scene.turn()) == {"WATCHDOG=1"}
    scene.agent.reporter.now = make_report(status="degraded")
    said = await scene.turn()
    assert [each for each in said if each != "WATCHDOG=1"] == ["STATUS=degraded: 1 of 1 targets up, 3 entries wait"]


@pytest.mark.parametrize("error", [None, ConfigError([], "nodepulse.yml")])
async def test_a_reload_is_begun_and_ended(scene: Scene, error: Exception | None) -> None:
    """RELOADING=1 is followed by READY=1, also where the configuration is wrong and what ran goes on."""
    scene.agent.control.error = error
    await scene.supervision.reload()
    assert scene.heard.messages == ["RELOADING=1", "READY=1"]


async def test_an_agent_that_ends_is_not_called_ready_again(scene: Scene) -> None:
    """After STOPPING=1 a reload that ends says nothing more."""
    scene.supervision.stop()
    await scene.supervision.reload()
    assert scene.heard.messages == ["STOPPING=1", "RELOADING=1"]


def test_the_status_line_counts() -> None:
    """The line names the state, the targets that are up of all, and what waits."""
    report = make_report(targets=(make_target(), make_target("other", status="failed")))
    assert describe(report) == "healthy: 1 of 2 targets up, 3 entries wait"
