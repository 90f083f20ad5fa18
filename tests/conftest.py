"""Fixtures for all tests: the real exporters, each started once and only where a test asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.programs import as_unprivileged, await_text, find, free_port, need, running


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
def redis_exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the endpoint of a running prometheus-redis-exporter, in front of a redis-server with keys."""
    need("redis-server", "redis-cli", "prometheus-redis-exporter")
    home = tmp_path_factory.mktemp("redis")
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    server = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
    exporter = [
        "prometheus-redis-exporter",
        f"--redis.addr=redis://127.0.0.1:{port}",
        f"--web.listen-address={address}",
    ]
    with running(server, home / "server.log"), running(exporter, home / "exporter.log"):
        await_text(f"http://{address}/metrics", contains="redis_up 1", log=home / "exporter.log")
        for key in ("first", "second", "third"):
            subprocess.run(["redis-cli", "-p", str(port), "set", key, "1"], check=True, stdout=subprocess.DEVNULL)
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
    exporter = ["prometheus-process-exporter", f"-config.path={config}", f"-web.listen-address={address}"]
    with running(["sleep", "600"], home / "sleep.log"), running(exporter, home / "exporter.log"):
        await_text(f"http://{address}/metrics", contains='num_procs{groupname="sleeper"}', log=home / "exporter.log")
        yield f"http://{address}/metrics"


@pytest.fixture(scope="session")
def postgres_exporter() -> Iterator[str]:
    """Give the endpoint of a running prometheus-postgres-exporter, before a new PostgreSQL cluster."""
    need("initdb", "postgres", "prometheus-postgres-exporter")
    home = Path(tempfile.mkdtemp(prefix="nodepulse-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
        data = home / "data"
        log = Path(tempfile.mkstemp(prefix="nodepulse-pg-", suffix=".log")[1])
        make = as_unprivileged([str(find("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"])
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=home)
        port, address = free_port(), f"127.0.0.1:{free_port()}"
        options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home}"]
        server = as_unprivileged([str(find("postgres")), "-D", str(data), *options])
        exporter = ["prometheus-postgres-exporter", f"--web.listen-address={address}"]
        source = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        with (
            running(server, log),
            running(exporter, log.with_suffix(".exporter"), environ={"DATA_SOURCE_NAME": source}),
        ):
            url = f"http://{address}/metrics"
            await_text(url, contains="pg_up 1", log=log.with_suffix(".exporter"))
            await_text(url, contains="pg_settings_max_connections", log=log.with_suffix(".exporter"))
            yield url
        log.unlink()
        log.with_suffix(".exporter").unlink()
    finally:
        shutil.rmtree(home, ignore_errors=True)
