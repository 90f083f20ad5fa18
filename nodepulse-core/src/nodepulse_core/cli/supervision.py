"""What a supervisor such as systemd is told while the agent runs.

The watchdog is fed by progress: only while every target's loop and the drain get on. A loop that hangs, or has ended
by a defect, starves it, and so does an event loop that a plugin blocks; the supervisor then starts the agent anew.
"""

from __future__ import annotations

import faulthandler
import logging

from nodepulse_core.agent.agent import Agent
from nodepulse_core.agent.report import Report
from nodepulse_core.clock import Clock
from nodepulse_core.errors import NodePulseError
from nodepulse_core.notify import Notifier

_EVERY = 10.0
_PART_OF_THE_WATCHDOG = 3.0
log = logging.getLogger(__name__)


class Supervision:
    """Tells a supervisor how an agent is; `run` it beside the agent."""

    def __init__(self, agent: Agent, notifier: Notifier, clock: Clock) -> None:
        """Take whom to watch, whom to tell, and the time."""
        self._agent = agent
        self._notifier = notifier
        self._clock = clock
        self._said = ""
        self._starving: list[str] = []
        self._stopping = False

    async def run(self) -> None:
        """Say when the agent is ready, then feed the watchdog, until cancelled."""
        if not self._notifier.active:
            return
        watchdog = self._notifier.watchdog_seconds
        if watchdog is not None:
            faulthandler.enable()  # the watchdog sends SIGABRT: the log then says where each thread was
        await self._agent.running.wait()
        self._ready()
        pause = min(_EVERY, watchdog / _PART_OF_THE_WATCHDOG) if watchdog else _EVERY
        while True:
            try:
                self._feed()
            except Exception:  # a defect of ours: what it concerns is not fed, and the next time may go well
                log.exception("cannot tell the supervisor how the agent is")
            await self._clock.sleep(pause)

    async def reload(self) -> None:
        """Have the configuration read again, and say when that has begun and ended."""
        self._notifier.reloading(self._clock.monotonic())
        try:
            await self._agent.control.reload()
        except NodePulseError:
            pass  # it is in the log, and what ran goes on
        finally:
            if not self._stopping:
                self._ready()

    def stop(self) -> None:
        """Say that the agent ends."""
        self._stopping = True
        self._notifier.stopping()

    def _ready(self) -> None:
        self._said = describe(self._agent.reporter.report())
        self._notifier.ready(self._said)

    def _feed(self) -> None:
        stalled = self._agent.stalled()
        if not stalled:
            self._notifier.feed()
        elif stalled != self._starving:
            log.error("no progress of %s; the watchdog is not fed until there is", ", ".join(stalled))
        self._starving = stalled
        said = describe(self._agent.reporter.report())
        if said != self._said and not self._stopping:
            self._said = said
            self._notifier.status(said)


def describe(report: Report) -> str:
    """Say in a line how the agent is."""
    up = sum(target.status == "running" for target in report.targets)
    waiting = f"{report.buffer.files} {'entry waits' if report.buffer.files == 1 else 'entries wait'}"
    return f"{report.status}: {up} of {len(report.targets)} targets up, {waiting}"
