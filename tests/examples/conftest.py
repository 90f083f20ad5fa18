"""Fixtures for the examples: their distributions built once, one environment, and the programs they ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.environment import Environment, make_environment, pin
from support.mariadb import MariaDB, running_mariadb
from support.programs import REQUIRED, await_text, find, free_port, need, running
from support.repository import EXAMPLES, ROOT


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the core's wheel, and each example's sdist and the wheel that was made of it."""
    out = tmp_path_factory.mktemp("wheels")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out)]
    for command in ([*build, "--wheel", str(ROOT / "nodepulse-core")], *([*build, str(each)] for each in EXAMPLES)):
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stdout + built.stderr
    return out


@pytest.fixture(scope="session")
def environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Give an environment that has the core from its wheel, pytest, and nothing else of this repository."""
    home = tmp_path_factory.mktemp("environment")
    pinned = home / "requirements.txt"
    pinned.write_text(pin((ROOT / "requirements.txt").read_text(), "nodepulse-core", "pytest"))
    made = make_environment(home / "venv", wheels)
    try:
        made.pip("install", "--require-hashes", "--retries", "1", "-r", pinned)
    except AssertionError as error:
        if os.environ.get(REQUIRED):
            raise
        pytest.skip(f"pip cannot get what the core needs: {str(error).strip().splitlines()[-1]}")
    made.pip("install", "--no-index", "--find-links", wheels, "nodepulse-core")
    return made


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Give a new MariaDB server that has work behind it, with prometheus-mysqld-exporter in front."""
    with running_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def nginx_exporter() -> Iterator[str]:
    """Give the endpoint of a running prometheus-nginx-exporter, in front of an nginx with a status page."""
    need("nginx", "prometheus-nginx-exporter")
    home = Path(tempfile.mkdtemp(prefix="nodepulse-nginx-"))
    page, address = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    folders = " ".join(f"{kind}_temp_path {home};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (home / "nginx.conf").write_text(
        f"daemon off; pid {home}/pid; error_log stderr; events {{}}\n"
        f"http {{ {folders} access_log off; server {{ listen {page}; location = /status {{ stub_status; }} }} }}\n"
    )
    server = [str(find("nginx")), "-e", "stderr", "-p", str(home), "-c", str(home / "nginx.conf")]
    exporter = [
        "prometheus-nginx-exporter",
        f"--nginx.scrape-uri=http://{page}/status",
        f"--web.listen-address={address}",
    ]
    try:
        with running(server, home / "server.log"):
            await_text(f"http://{page}/status", contains="Active", log=home / "server.log")
            with running(exporter, home / "exporter.log"):
                await_text(f"http://{address}/metrics", contains="nginx_up 1", log=home / "exporter.log")
                yield f"http://{address}/metrics"
    finally:
        shutil.rmtree(home, ignore_errors=True)
