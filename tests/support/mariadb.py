"""A new MariaDB server on loopback, with Debian's exporter in front of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from support.programs import PATIENCE, await_text, find, free_port, need, running

_PROGRAMS = ("mariadb-install-db", "mariadbd", "mariadb", "mariadb-admin", "prometheus-mysqld-exporter")


@frozen
class MariaDB:
    """A running server, and its exporter's endpoint."""

    socket: Path
    endpoint: str

    @property
    def _access(self) -> list[str]:
        return ["--no-defaults", f"--socket={self.socket}", "--user=root"]

    def ask(self, *statements: str) -> dict[str, str]:
        """Run statements on one connection; return the rows of those that give names and values."""
        client = ["mariadb", *self._access, "--batch", "--skip-column-names", "-e", ";".join(statements)]
        said = subprocess.run(client, capture_output=True, text=True, check=True).stdout
        return dict(line.split("\t", 1) for line in said.splitlines() if "\t" in line)

    def wait(self) -> None:
        """Wait until it takes connections."""
        ping = ["mariadb-admin", *self._access, "--wait=30", "ping"]
        subprocess.run(ping, check=True, capture_output=True)

    @contextlib.contextmanager
    def holding(self, connections: int) -> Iterator[None]:
        """Keep that many connections busy until the block ends."""
        before = self._connections()
        with contextlib.ExitStack() as clients:
            for number in range(connections):
                client = ["mariadb", *self._access, "-e", "SELECT SLEEP(600)"]
                clients.enter_context(running(client, self.socket.with_name(f"client-{number}.log")))
            end = time.monotonic() + PATIENCE
            while self._connections() < before + connections:
                assert time.monotonic() < end, "the connections were never there"
                time.sleep(0.05)
            yield

    def _connections(self) -> int:
        return int(self.ask("SHOW GLOBAL STATUS LIKE 'threads_connected'")["Threads_connected"])


@contextlib.contextmanager
def running_mariadb() -> Iterator[MariaDB]:
    """Run a new server that has slow queries and dirty pages behind it, and its exporter, until the block ends."""
    need(*_PROGRAMS)
    home = Path(tempfile.mkdtemp(prefix="nodepulse-mariadb-"))  # short: the path of a socket has 107 characters at most
    user = []
    if os.geteuid() == 0:
        shutil.chown(home, "mysql")
        user = ["--user=mysql"]
    common = ["--no-defaults", f"--datadir={home / 'data'}", *user]
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    made = MariaDB(home / "socket", f"http://{address}/metrics")
    install = ["mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
    listen = [f"--socket={made.socket}", f"--port={port}", "--bind-address=127.0.0.1"]
    account = home / "exporter.cnf"
    exporter = ["prometheus-mysqld-exporter", f"--web.listen-address={address}", f"--config.my-cnf={account}"]
    try:
        subprocess.run(install, check=True, capture_output=True)
        account.write_text(f"[client]\nhost = 127.0.0.1\nport = {port}\nuser = exporter\npassword = secret\n")
        with running([str(find("mariadbd")), *common, *listen], home / "server.log"):
            made.wait()
            made.ask(
                "CREATE USER exporter@localhost IDENTIFIED BY 'secret'",
                "GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO exporter@localhost",
                "CREATE DATABASE shop",
                "USE shop",
                "SET long_query_time = 0",
                "CREATE TABLE orders (number INT)",
                "INSERT INTO orders SELECT seq FROM seq_1_to_1000",
            )
            with running(exporter, home / "exporter.log"):
                await_text(made.endpoint, contains="mysql_up 1", log=home / "exporter.log")
                yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)
