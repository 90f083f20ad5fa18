"""The whole agent as a process: what it survives, and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

NODEPULSE = [sys.executable, "-m", "nodepulse_core"]
PATIENCE = 20.0


class Dashboard:
    """A dashboard that answers as it is told, and keeps what it accepted."""

    def __init__(self) -> None:
        self.status = 200
        self.posts: list[tuple[str, dict[str, list[dict[str, object]]]]] = []
        app = web.Application()
        app.router.add_post("/in", self._receive)
        self.server = TestServer(app)

    async def _receive(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        if self.status in {200, 599}:  # 599: it takes the batch, and dies before it says so
            self.posts.append((request.headers["Idempotency-Key"], body))
        return web.Response(status=self.status)

    def identities(self) -> list[tuple[str, str, str]]:
        """Return key, instance and timestamp of every object that arrived, repeats included."""
        return [
            (key, str(each.get("instance")), str(each["timestamp"]))
            for _, body in self.posts
            for key, objects in body.items()
            for each in objects
        ]


@pytest.fixture
async def dashboard() -> AsyncIterator[Dashboard]:
    """Give a dashboard that listens."""
    made = Dashboard()
    await made.server.start_server(shutdown_timeout=0.1)
    yield made
    await made.server.close()


@pytest.fixture
async def exporter() -> AsyncIterator[TestServer]:
    """Give an exporter with /metrics, and /hang that never answers."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text="# TYPE up gauge\nup 1\n")

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/hang", hang)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    yield server
    await server.close()


class Run:
    """One agent process on a configuration in a directory."""

    def __init__(self, home: Path, dashboard: Dashboard, exporters: str) -> None:
        self.home = home
        self.config = home / "nodepulse.yml"
        self.config.write_text(
            f"server: {{endpoint: '{dashboard.server.make_url('/in')}', timeout: 2s}}\n"
            f"agent: {{state_dir: '{home}', server_id: test-1}}\n"
            f"exporters:\n{exporters}"
            f"buffer: {{drain_jitter: 0s, min_free_bytes: 1MiB}}\n"
            "api: {listen: 127.0.0.1:0}\n"
        )
        self.log = home / "agent.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the agent."""
        with self.log.open("ab") as output:
            command = [*NODEPULSE, "--config", str(self.config), "start"]
            self.process = subprocess.Popen(command, stdout=output, stderr=output)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end, and return its status."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, PATIENCE)

    def entries(self) -> list[Path]:
        """Return the files that wait in the buffer."""
        return sorted((self.home / "buffer").glob("[a-z]*/*.prom"))

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text()


@pytest.fixture
def make_run(tmp_path: Path, dashboard: Dashboard) -> Iterator[Callable[[str], Run]]:
    """Give what makes a run on a configuration's exporters; no process is left behind."""
    runs: list[Run] = []

    def make(exporters: str) -> Run:
        runs.append(Run(tmp_path, dashboard, exporters))
        return runs[-1]

    yield make
    for run in runs:
        if run.process is not None and run.process.poll() is None:
            run.process.kill()
            run.process.wait()


async def until(true: Callable[[], bool], run: Run) -> None:
    """Wait until something is true; fails with the agent's log where it never is."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, run.said()
        await asyncio.sleep(0.02)


def target(name: str, server: TestServer, path: str = "/metrics", more: str = "") -> str:
    """Return a line of the configuration."""
    return f"  - {{name: {name}, endpoint: '{server.make_url(path)}', interval: 1s{more}}}\n"


async def test_every_slot_arrives_once_and_term_leaves_nothing(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """Three windows are delivered, each once; SIGTERM ends the agent with status 0 and an empty buffer."""
    run = make_run(target("one", exporter) + target("two", exporter))
    run.start()
    await until(lambda: len(dashboard.identities()) >= 6, run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0
    arrived = dashboard.identities()
    assert len(arrived) == len(set(arrived))
    assert run.entries() == []
    assert "0 entries wait" in run.said()


async def test_a_hanging_target_does_not_hold_up_another(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """While one target never answers, each slot of the other arrives, and the failure is said with its reason."""
    run = make_run(target("good", exporter) + target("stuck", exporter, "/hang", ", timeout: 500ms"))
    run.start()
    await until(lambda: len(dashboard.posts) >= 3, run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0
    slots = sorted({timestamp for _, _, timestamp in dashboard.identities()})
    first, last = (time.mktime(time.strptime(slot, "%Y-%m-%dT%H:%M:%SZ")) for slot in (slots[0], slots[-1]))
    assert last - first == len(slots) - 1
    assert "stuck: no answer within 500ms" in run.said()


async def test_what_a_dead_dashboard_missed_arrives_later(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """While the dashboard fails entries wait on disk, also over a restart; then all arrive, and no slot is missing."""
    dashboard.status = 503
    run = make_run(target("one", exporter))
    run.start()
    await until(lambda: len(run.entries()) >= 3, run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0
    waiting = {path.name for path in run.entries()}
    assert len(waiting) >= 3
    dashboard.status = 200
    run.start()
    await until(lambda: not waiting & {path.name for path in run.entries()}, run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0
    arrived = dashboard.identities()
    assert len(arrived) >= len(waiting)
    assert len(arrived) == len(set(arrived))


async def test_a_dashboard_that_dies_after_commit_gets_no_new_identity(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """A batch whose answer was lost is sent again with the same key and identities, then is delivered."""
    dashboard.status = 599
    run = make_run(target("one", exporter))
    run.start()
    await until(lambda: len(dashboard.posts) >= 1, run)
    dashboard.status = 200
    first_key, first_body = dashboard.posts[0]
    await until(lambda: [key for key, _ in dashboard.posts].count(first_key) > 1, run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0
    repeated = [body for key, body in dashboard.posts[1:] if key == first_key]
    assert all(body == first_body for body in repeated)
    assert run.entries() == []


async def test_a_kill_loses_nothing_that_was_stored(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """After SIGKILL, the next start delivers what waited, and no lock is left behind."""
    dashboard.status = 503
    run = make_run(target("one", exporter))
    run.start()
    await until(lambda: len(run.entries()) >= 2, run)
    run.signal(signal.SIGKILL)
    await run.ended()
    waiting = len(run.entries())
    dashboard.status = 200
    run.start()
    await until(lambda: len(dashboard.identities()) >= waiting, run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0


async def start_before_a_dashboard_that_hangs(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> Run:
    """Start an agent whose batches get no answer; return it once an entry waits."""

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    app = web.Application()
    app.router.add_post("/in", hang)
    await dashboard.server.close()
    dashboard.server = TestServer(app)
    await dashboard.server.start_server(shutdown_timeout=0.1)
    run = make_run(target("one", exporter))
    run.config.write_text(run.config.read_text().replace("timeout: 2s", "timeout: 60s"))
    run.start()
    await until(lambda: len(run.entries()) >= 1, run)
    return run


async def test_the_end_does_not_wait_for_a_dashboard_that_hangs(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """SIGTERM ends the agent within its time; what waits stays on disk, and the log says so."""
    run = await start_before_a_dashboard_that_hangs(dashboard, exporter, make_run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0
    assert run.entries()
    assert "not all was delivered in the last 4 s; the rest is, after the next start" in run.said()


async def test_a_second_signal_ends_it_at_once(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """While the first SIGTERM still drains towards a dashboard that hangs, the second ends the process."""
    run = await start_before_a_dashboard_that_hangs(dashboard, exporter, make_run)
    run.signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    asked = time.monotonic()
    run.signal(signal.SIGTERM)
    assert await run.ended() == 128 + signal.SIGTERM
    assert time.monotonic() - asked < 2
    assert run.entries()


async def test_a_second_agent_is_refused(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """An agent on a buffer that is in use ends with status 1 and names the process that has it."""
    run = make_run(target("one", exporter))
    run.start()
    await until(lambda: len(dashboard.posts) >= 1, run)
    assert run.process is not None
    command = [*NODEPULSE, "--config", str(run.config), "start"]
    second = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"in use by process {run.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0


async def test_an_unchanged_target_misses_no_slot_over_a_hundred_reloads(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """While another target changes with each reload, every slot of the one that does not change arrives once."""
    run = make_run(target("same", exporter) + target("other", exporter))
    text = run.config.read_text()
    run.start()
    await until(lambda: len(dashboard.posts) >= 1, run)
    for number in range(100):
        changed = "timeout: 900ms" if number % 2 else "timeout: 800ms"
        run.config.write_text(text.replace("name: other,", f"name: other, {changed},"))
        run.signal(signal.SIGHUP)
        await until(lambda reloads=number + 1: run.said().count("reloaded: ") >= reloads, run)  # type: ignore[misc]  # bound early
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0
    assert "reloaded: ~other(timeout 800ms→900ms) =same" in run.said()
    arrived = [timestamp for key, _, timestamp in dashboard.identities() if key == "same"]
    slots = sorted(time.mktime(time.strptime(slot, "%Y-%m-%dT%H:%M:%SZ")) for slot in arrived)
    assert slots == [slots[0] + second for second in range(len(slots))]
    assert len(slots) >= 3
    others = [timestamp for key, _, timestamp in dashboard.identities() if key == "other"]
    assert len(others) == len(set(others))


async def test_a_wrong_file_does_not_stop_what_runs(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """A reload of a wrong configuration says all that is wrong with it, and the agent goes on as it was."""
    run = make_run(target("one", exporter))
    text = run.config.read_text()
    run.start()
    await until(lambda: len(dashboard.posts) >= 1, run)
    run.config.write_text(text + "buffr: {}\n" + "logging: {level: loud}\n")
    run.signal(signal.SIGHUP)
    await until(lambda: "was not reloaded" in run.said(), run)
    assert "buffr: unknown key" in run.said()
    assert "logging.level" in run.said()
    posts = len(dashboard.posts)
    await until(lambda: len(dashboard.posts) > posts, run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0


async def test_a_reload_sends_to_another_dashboard(
    dashboard: Dashboard, exporter: TestServer, make_run: Callable[[str], Run]
) -> None:
    """After the endpoint changed, what the old dashboard did not take arrives at the new one, at once."""
    run = make_run(target("one", exporter))
    text = run.config.read_text()
    run.config.write_text(text.replace(str(dashboard.server.make_url("/in")), "http://127.0.0.1:1/in"))
    run.start()
    await until(lambda: len(run.entries()) >= 2, run)
    assert not dashboard.posts
    run.config.write_text(text)
    run.signal(signal.SIGHUP)
    await until(lambda: len(dashboard.posts) >= 2, run)
    run.signal(signal.SIGTERM)
    assert await run.ended() == 0
    assert run.entries() == []
