"""Fixtures for all tests: the real exporters, each started once and only where a test asks for it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.environment import Environment, build_wheels, fill_environment, make_environment
from support.programs import await_text, free_port, need, running
from support.servers import Server, postgres_home, postgres_server, redis_cli, redis_server

_PATIENCE = 300.0

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("nodepulse", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nodepulse")

# What a script starts in the background ignores Ctrl-C, and so would every process that a test starts and ends by it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _end_at_last() -> Iterator[None]:
    """Fail a test that hangs, with the place where it waits, so that it does not hold up all others."""

    def fail(*_: object) -> None:
        pytest.fail(f"this test has not ended after {_PATIENCE:g} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def node_exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the endpoint of a running prometheus-node-exporter."""
    need("prometheus-node-exporter")
    log = tmp_path_factory.mktemp("node") / "log"
    address = f"127.0.0.1:{free_port()}"
    with running(["prometheus-node-exporter", f"--web.listen-address={address}"], log):
        await_text(f"http://{address}/metrics", contains="node_boot_time_seconds", log=log)
        yield f"http://{address}/metrics"


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a running redis-server with three keys."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        for key in ("first", "second", "third"):
            redis_cli(server, "set", key, "1")
        yield server


@pytest.fixture(scope="session")
def redis_exporter(redis: Server) -> Iterator[str]:
    """Give the endpoint of a running prometheus-redis-exporter, in front of that redis-server."""
    need("prometheus-redis-exporter")
    address, log = f"127.0.0.1:{free_port()}", redis.home / "exporter.log"
    source = f"redis://127.0.0.1:{redis.port}"
    with running(["prometheus-redis-exporter", f"--redis.addr={source}", f"--web.listen-address={address}"], log):
        await_text(f"http://{address}/metrics", contains="redis_up 1", log=log)
        yield f"http://{address}/metrics"


@pytest.fixture(scope="session")
def process_exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the endpoint of a running prometheus-process-exporter that watches itself and one other process."""
    need("prometheus-process-exporter", "sleep")
    home = tmp_path_factory.mktemp("process")
    address = f"127.0.0.1:{free_port()}"
    config = home / "groups.yml"
    # `comm` is cut to 15 characters by the kernel.
    config.write_text("process_names: [{name: exporter, comm: [prometheus-proc]}, {name: sleeper, comm: [sleep]}]\n")
    exporter = ["prometheus-process-exporter", f"--config.path={config}", f"--web.listen-address={address}"]
    with running(["sleep", "600"], home / "sleep.log"), running(exporter, home / "exporter.log"):
        await_text(f"http://{address}/metrics", contains='num_procs{groupname="sleeper"}', log=home / "exporter.log")
        yield f"http://{address}/metrics"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Give a running PostgreSQL server with a new cluster."""
    with postgres_home() as home, postgres_server(home) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_exporter(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the endpoint of a running prometheus-postgres-exporter, in front of that server."""
    need("prometheus-postgres-exporter")
    address, log = f"127.0.0.1:{free_port()}", tmp_path_factory.mktemp("postgres") / "exporter.log"
    source = f"postgresql://postgres@127.0.0.1:{postgres.port}/postgres?sslmode=disable"
    exporter = ["prometheus-postgres-exporter", f"--web.listen-address={address}"]
    with running(exporter, log, environ={"DATA_SOURCE_NAME": source}):
        await_text(f"http://{address}/metrics", contains="pg_up 1", log=log)
        await_text(f"http://{address}/metrics", contains="pg_settings_max_connections", log=log)
        yield f"http://{address}/metrics"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the core's wheel, and each example's sdist and the wheel that was made of it."""
    out = tmp_path_factory.mktemp("wheels")
    build_wheels(out)
    return out


@pytest.fixture(scope="session")
def environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Give an environment that has the core from its wheel, what the dashboard needs, pytest and build."""
    made = make_environment(tmp_path_factory.mktemp("environment") / "venv", wheels)
    fill_environment(made, "nodepulse-core", "nodepulse-dashboard", "pytest", "build")
    return made


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Leave the log as it was found: a handler of one test writes to a stream that is closed in the next."""
    root, core = logging.getLogger(), logging.getLogger("nodepulse_core")
    handlers, level = list(root.handlers), core.level
    yield
    logging.captureWarnings(False)
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)
        handler.close()
    core.setLevel(level)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """Give what nodepulse logs, from info on, whatever an earlier test made of its logger."""
    monkeypatch.setattr(logging.getLogger("nodepulse_core"), "propagate", True)
    caplog.set_level(logging.INFO, "nodepulse_core")
    return caplog
