"""The dashboard that most tests ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.reference import Dashboard, dashboard_at


@pytest.fixture
async def dashboard(tmp_path: Path) -> AsyncIterator[Dashboard]:
    """Give a dashboard that takes bodies of 64 KiB within a second."""
    async with dashboard_at(tmp_path / "state" / "dashboard.sqlite", max_body=64 * 1024, body_seconds=1.0) as made:
        yield made
