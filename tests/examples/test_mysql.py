"""A third party's plugin, from its wheel to the dashboard, in front of a real MariaDB."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from support.environment import Environment
from support.mariadb import MariaDB
from support.nodepulse import await_latest, running_dashboard, write_config
from support.programs import running

PLUGIN = "nodepulse-exporter-mysql"
STATUS = {
    "mysql_connections": "threads_connected",
    "mysql_queries_total": "queries",
    "mysql_slow_queries": "slow_queries",
    "mysql_table_locks_waited": "table_locks_waited",
    "mysql_innodb_buffer_pool_pages_dirty": "innodb_buffer_pool_pages_dirty",
}
VARIABLES = {"mysql_max_connections": "max_connections", "mysql_innodb_buffer_pool_size": "innodb_buffer_pool_size"}


def read_status(server: MariaDB) -> dict[str, int]:
    """Return what the server itself says of each field."""
    said = server.ask("SHOW GLOBAL STATUS", "SHOW GLOBAL VARIABLES")
    said = {name.lower(): value for name, value in said.items()}
    return {field: int(said[name]) for field, name in (STATUS | VARIABLES).items()}


def test_installing_it_is_all_there_is_to_do(environment: Environment) -> None:
    """The list lacks the exporter, has it once it is installed, and lacks it again when it is uninstalled."""
    assert environment.plugins() == {}
    with environment.with_installed(PLUGIN):
        listed = environment.plugins()
        loaded = environment.run(environment.nodepulse, "plugins", "list", "--load")
    assert listed.keys() == {"mysql_exporter"}
    row = listed["mysql_exporter"]
    assert row == row | {"distribution": PLUGIN, "version": "0.1.0", "status": "ok", "error": None}
    assert loaded.returncode == 0, loaded.stderr
    assert "broken" not in loaded.stdout
    assert environment.plugins() == {}


def test_its_values_are_the_servers(environment: Environment, mariadb: MariaDB, tmp_path: Path) -> None:
    """Each field of a scrape lies between what the server says of itself before and after; open connections count."""
    config = write_config(tmp_path, "127.0.0.1:1", {"mysql_exporter": mariadb.endpoint})
    with environment.with_installed(PLUGIN), mariadb.holding(5):
        before = read_status(mariadb)
        scraped = environment.run(environment.nodepulse, "--config", config, "scrape", "mysql_exporter")
        after = read_status(mariadb)
    assert scraped.returncode == 0, scraped.stderr
    (snapshot,) = json.loads(scraped.stdout)["mysql_exporter"]
    assert snapshot.pop("timestamp")
    assert snapshot.pop("mysql_up") == 1
    # Beside the five, the exporter has one to three of its own, and our client's may not be gone yet.
    assert 5 + 1 <= snapshot.pop("mysql_connections") <= 5 + 3 + 1
    assert snapshot.keys() == (STATUS | VARIABLES).keys() - {"mysql_connections"}
    for field, value in snapshot.items():
        low, high = sorted((before[field], after[field]))
        assert low <= value <= high, f"{field} is {value}; the server said {low}, then {high}"
    assert snapshot["mysql_slow_queries"] >= 2
    assert before["mysql_queries_total"] < snapshot["mysql_queries_total"]


def test_it_delivers_to_the_dashboard(environment: Environment, mariadb: MariaDB, tmp_path: Path) -> None:
    """The agent of that environment scrapes it and delivers all eight fields."""
    log = tmp_path / "agent.log"
    with running_dashboard(tmp_path) as dashboard, environment.with_installed(PLUGIN):
        config = write_config(tmp_path, dashboard, {"mysql_exporter": mariadb.endpoint})
        start = [environment.nodepulse, "--config", str(config), "start"]
        before = read_status(mariadb)
        with running(start, log) as agent:
            (snapshot,) = await_latest(dashboard, "mysql_exporter", log)
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(6) == 0, log.read_text()
    assert snapshot.keys() == {"timestamp", "mysql_up", *STATUS, *VARIABLES}
    assert snapshot["mysql_up"] == 1
    assert snapshot["mysql_queries_total"] > before["mysql_queries_total"]
    assert {field: snapshot[field] for field in VARIABLES} == {field: before[field] for field in VARIABLES}
