"""Fixtures of the delivery: a rig on a buffer of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core.sender import Sender
from nodepulse_core.testing.clock import FakeClock
from support.delivery import Rig, ScriptedSender, Timeline


@pytest.fixture
def clock() -> Timeline:
    """Give a clock on which things can be made to happen."""
    return Timeline()


@pytest.fixture
def sender(clock: Timeline) -> ScriptedSender:
    """Give a sender that accepts, until it is told otherwise."""
    return ScriptedSender(clock)


@pytest.fixture
async def make_rig(tmp_path: Path, clock: FakeClock, sender: ScriptedSender) -> AsyncIterator[Callable[..., Rig]]:
    """Give what makes a rig; its buffer is closed at the end."""
    rigs: list[Rig] = []

    def make(sender: Sender = sender, **more: Any) -> Rig:
        rigs.append(Rig(tmp_path / "buffer", sender, clock, **more))
        return rigs[-1]

    yield make
    for rig in rigs:
        with contextlib.suppress(RuntimeError):
            await rig.buffer.close()
