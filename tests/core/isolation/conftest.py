"""Exporters that run in processes of their own, made of a hook's source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from core.isolation.apart import Apart
from support.plugins import Site


@pytest.fixture
async def make_apart(site: Site) -> AsyncIterator[Callable[..., Apart]]:
    """Give what makes an isolated exporter of a class body; its process is ended with the test."""
    made: list[Apart] = []

    def make(body: str, before: str = "", **target: Any) -> Apart:
        made.append(Apart(site, body, before, asyncio.get_running_loop(), number=len(made), **target))
        return made[-1]

    yield make
    for apart in made:
        await apart.exporter.close()
    await asyncio.sleep(0.05)  # asyncio closes its own side of a process in turns of the loop that nobody waits for
