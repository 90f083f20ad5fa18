"""A dashboard of the tests' own, and what is said to it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from nodepulse_core.testing.clock import FakeClock
from nodepulse_dashboard.app import create_app
from nodepulse_dashboard.delivery import Row
from nodepulse_dashboard.store import Store

IN = "/metrics/prometheus?server_id=web-1"
SLOT = 1_761_832_800
SNAPSHOT = {"timestamp": "2025-10-30T14:00:00Z", "cpu_cores": 4, "memory_total_bytes": 8589934592, "load_1min": None}


class StillClock(FakeClock):
    """A clock on which nothing that sleeps wakes up, so what works in the background works once."""

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self.asleep = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Say that somebody sleeps, and wait until cancelled."""
        self.asleep.set()
        await asyncio.Event().wait()


class Dashboard:
    """A running dashboard: its store, its clock, and a client of it."""

    def __init__(self, client: TestClient[Any, Any], store: Store, clock: StillClock) -> None:
        self.client = client
        self.store = store
        self.clock = clock

    @property
    def port(self) -> int:
        """Return the loopback port that it listens on."""
        assert self.client.port is not None
        return self.client.port

    async def post(self, body: object, path: str = IN, **headers: str) -> tuple[int, Any]:
        """POST a body, and return the status and the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        wanted = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        async with self.client.post(path, data=data, headers=wanted) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> tuple[int, Any]:
        """GET a path, and return the status and the JSON."""
        async with self.client.get(path) as response:
            return response.status, await response.json()

    def put(self, row: Row) -> None:
        """Store a row unchecked, as another process: the dashboard's own connections belong to its threads."""
        store = Store(self.store.path)
        store.add([row], SLOT)
        store.close()

    def count(self) -> int:
        """Return how many snapshots another connection sees in the database."""
        connection = sqlite3.connect(self.store.path)
        try:
            return int(connection.execute("SELECT count(*) FROM snapshots").fetchone()[0])
        finally:
            connection.close()


@asynccontextmanager
async def dashboard_at(path: Path, *, max_size: int = 2**30, **options: Any) -> AsyncIterator[Dashboard]:
    """Run a dashboard until the block ends; options are those of `create_app`. Its clock begins at SLOT."""
    store = Store(path, max_size=max_size)
    clock = StillClock(SLOT)
    try:
        async with TestClient(TestServer(create_app(store, clock=clock, **options))) as client:
            yield Dashboard(client, store, clock)
    finally:
        store.close()
