"""Fixtures for the examples: the programs that they ask."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mariadb import MariaDB, running_mariadb
from support.programs import await_text, find, free_port, need, running


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
