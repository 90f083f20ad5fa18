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
from attrs import frozen
from support.environment import Environment, make_environment, pin
from support.programs import REQUIRED, await_text, find, free_port, need, running

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))


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
        pytest.skip(f"pip cannot get what the core needs: {error}")
    made.pip("install", "--no-index", "--find-links", wheels, "nodepulse-core")
    return made


@frozen
class MariaDB:
    """A running server, and its exporter's endpoint."""

    socket: Path
    endpoint: str

    def ask(self, statement: str) -> dict[str, str]:
        """Return the rows of a statement that gives names and values."""
        client = [
            "mariadb",
            "--no-defaults",
            f"--socket={self.socket}",
            "--user=root",
            "--batch",
            "--skip-column-names",
        ]
        said = subprocess.run([*client, "-e", statement], capture_output=True, text=True, check=True).stdout
        return dict(line.split("\t", 1) for line in said.splitlines() if "\t" in line)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Give a new MariaDB server that has work behind it, with prometheus-mysqld-exporter in front."""
    need("mariadb-install-db", "mariadbd", "mariadb", "mariadb-admin", "prometheus-mysqld-exporter")
    home = Path(tempfile.mkdtemp(prefix="nodepulse-mariadb-"))  # short: the path of a socket has 107 characters at most
    user = []
    if os.geteuid() == 0:
        shutil.chown(home, "mysql")
        user = ["--user=mysql"]
    common = ["--no-defaults", f"--datadir={home / 'data'}", *user]
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    made = MariaDB(home / "socket", f"http://{address}/metrics")
    listen = [f"--socket={made.socket}", f"--port={port}", "--bind-address=127.0.0.1"]
    exporter = ["prometheus-mysqld-exporter", f"--web.listen-address={address}"]
    source = f"exporter:secret@(127.0.0.1:{port})/"
    try:
        install = ["mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True)
        with (
            running([str(find("mariadbd")), *common, *listen], home / "server.log"),
            running(exporter, home / "exporter.log", environ={"DATA_SOURCE_NAME": source}),
        ):
            await_text(made.endpoint, contains="mysql_up", log=home / "exporter.log")
            _work(made)
            await_text(made.endpoint, contains="mysql_up 1", log=home / "exporter.log")
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _work(server: MariaDB) -> None:
    """Wait until the server answers, make the exporter's account, and leave slow queries and dirty pages behind."""
    ping = ["mariadb-admin", "--no-defaults", f"--socket={server.socket}", "--user=root", "--wait=30", "ping"]
    subprocess.run(ping, check=True, capture_output=True)
    server.ask(
        "CREATE USER exporter@localhost IDENTIFIED BY 'secret';"
        "GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO exporter@localhost;"
        "CREATE DATABASE shop; USE shop; SET long_query_time = 0;"
        "CREATE TABLE orders (number INT); INSERT INTO orders SELECT seq FROM seq_1_to_1000;"
    )


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
        f"-nginx.scrape-uri=http://{page}/status",
        f"-web.listen-address={address}",
    ]
    try:
        with running(server, home / "server.log"):
            await_text(f"http://{page}/status", contains="Active", log=home / "server.log")
            with running(exporter, home / "exporter.log"):
                await_text(f"http://{address}/metrics", contains="nginx_up 1", log=home / "exporter.log")
                yield f"http://{address}/metrics"
    finally:
        shutil.rmtree(home, ignore_errors=True)
