"""Real Redis and PostgreSQL servers on free loopback ports and sockets, ended by their pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen
from support.programs import as_unprivileged, find, free_port, need, running

_PATIENCE = 30.0
PASSWORD = "hunter2"
"""What the user nodepulse of every PostgreSQL server here has; its default user needs none."""


@frozen
class Server:
    """A running server: its home, its port on 127.0.0.1, and its socket (PostgreSQL's is named by its folder)."""

    home: Path
    port: int
    socket: Path


@contextlib.contextmanager
def redis_server(home: Path, *options: str, port: int | None = None) -> Iterator[Server]:
    """Run a redis-server with these options, on a port that was given or is free."""
    need("redis-server", "redis-cli")
    server = Server(home, port or free_port(), home / "redis.sock")
    listen = ["--port", str(server.port), "--bind", "127.0.0.1", "--unixsocket", str(server.socket)]
    with running(["redis-server", *listen, "--save", "", "--dir", str(home), *options], home / "server.log"):
        _await_port(server.port, home / "server.log")
        yield server


def redis_cli(server: Server, *command: str) -> str:
    """Return what a redis-server answers to a command."""
    asked = ["redis-cli", "-e", "-s", str(server.socket), *command]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def postgres_home() -> Iterator[Path]:
    """Give a folder with a new cluster, `data`; it belongs to who may run PostgreSQL."""
    need("initdb", "postgres", "psql")
    home = Path(tempfile.mkdtemp(prefix="nodepulse-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
        data = home / "data"
        make = as_unprivileged([str(find("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"])
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=home)
        rules = "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (data / "pg_hba.conf").write_text(rules)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def postgres_server(home: Path, *, port: int | None = None) -> Iterator[Server]:
    """Run a PostgreSQL server on a cluster; its user nodepulse has a password and pg_monitor."""
    server = Server(home, port or free_port(), home)
    options = ["-p", str(server.port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home}"]
    # Its log stands beside the home, which is another user's.
    log = home.with_suffix(".log")
    try:
        with running(as_unprivileged([str(find("postgres")), "-D", str(home / "data"), *options]), log):
            _await_port(server.port, log)
            _await_query(server)
            psql(
                server,
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'nodepulse') THEN "
                f"CREATE ROLE nodepulse LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor; END IF; END $$",
            )
            try:
                yield server
            finally:
                # SIGTERM would wait for who is still connected.
                stop = [str(find("pg_ctl")), "-D", str(home / "data"), "-m", "fast", "-w", "stop"]
                subprocess.run(as_unprivileged(stop), check=True, stdout=subprocess.DEVNULL, cwd=home)
    finally:
        log.unlink(missing_ok=True)


def psql(server: Server, statement: str) -> str:
    """Return what a statement of the superuser gives, unaligned and without headers."""
    options = ["-h", str(server.socket), "-p", str(server.port), "-U", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1"]
    asked = [str(find("psql")), *options, "-c", statement, "postgres"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def _await_query(server: Server) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.CalledProcessError):
            psql(server, "SELECT 1")
            return
        time.sleep(0.05)
    pytest.fail("PostgreSQL listens, and answers no query")


def _await_port(port: int, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    pytest.fail(f"nothing listens on {port}; its log: {log.read_text(errors='replace')[-2000:]}")
