"""Hosts and servers asked directly, beside the upstream exporters that ask the same ones."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core import HTTPExporter, ScrapeError, Target
from nodepulse_core.exposition import stamp
from nodepulse_core.model import Access, BasicAuth
from support.oracle import read_series
from support.servers import PASSWORD, Server, postgres_home, postgres_server, psql, redis_cli, redis_server

SLOT = 1_900_000_000
Key = tuple[str, tuple[tuple[str, str], ...]]


@contextlib.asynccontextmanager
async def exporting(name: str) -> AsyncIterator[HTTPExporter]:
    """Give an exporter, and close it."""
    (made,) = import_module(f"nodepulse_exporter_{name}").nodepulse_exporters()
    try:
        yield made
    finally:
        await made.close()


async def ask(exporter: HTTPExporter, endpoint: str, access: Access = Access(), name: str = "t") -> str:  # noqa: B008 - it is frozen
    """Return the text that a scrape of an endpoint gives."""
    target = Target(name, exporter.name, endpoint, interval=15.0, timeout=5.0, access=access)
    return (await exporter.scrape(target, None)).decode()  # type: ignore[arg-type]  # nothing is fetched


def fetch(url: str) -> str:
    """Return what an upstream exporter answers."""
    with urllib.request.urlopen(url, timeout=5) as response:
        text: str = response.read().decode()
    return text


def snapshot(exporter: HTTPExporter, text: str) -> dict[str, Any]:
    """Return the snapshot of a text."""
    made = exporter.snapshot(stamp(text.encode(), SLOT)[0].decode())
    assert isinstance(made, dict)
    return made


def series(text: str, without: tuple[str, ...] = ()) -> dict[Key, float]:
    """Return every series with its value; labels that only one side has are left away."""
    return {
        (name, tuple(sorted((label, each) for label, each in labels.items() if label not in without))): value
        for name, labels, value in read_series(text)
    }


def types(text: str) -> dict[str, str]:
    """Return the type of every metric."""
    lines = [line.split() for line in text.splitlines() if line.startswith("# TYPE ")]
    return {name: type_ for _, _, name, type_ in lines}


def assert_same_names(ours: str, theirs: str) -> None:
    """Every metric that was collected directly is one of upstream's, and of the same type."""
    assert types(ours).items() <= types(theirs).items()


# --- the host -------------------------------------------------------------------------------------------------------

# What moves between two readings, and by how much of itself: the rest of memory, the counters of a running machine.
_RELATIVE = 0.05


async def test_the_host_is_what_node_exporter_says(node_exporter: str) -> None:
    """Every field of the snapshot is node_exporter's, but for what moves in the milliseconds between them."""
    async with exporting("node") as exporter:
        before = snapshot(exporter, await ask(exporter, "host:"))
        theirs = snapshot(exporter, fetch(node_exporter))
        after = snapshot(exporter, await ask(exporter, "host:"))
    assert before.keys() == theirs.keys() == after.keys()
    moving = {"processes_running", "processes_blocked", "load_1min", "load_average_1m"}
    for field in theirs.keys() - moving:
        low, high = sorted((before[field], after[field]))
        slack = _RELATIVE * high if field.startswith(("memory_", "swap_", "disk_")) else 0
        assert low - slack <= theirs[field] <= high + slack, field


async def test_the_hosts_metrics_are_node_exporters(node_exporter: str) -> None:
    """Names, types, devices, CPUs and file systems are node_exporter's, and what does not move is equal."""
    async with exporting("node") as exporter:
        ours, theirs = await ask(exporter, "host:"), fetch(node_exporter)
    assert_same_names(ours, theirs)
    mine, upstream = series(ours), series(theirs)
    fixed = (
        "node_boot_time_seconds",
        "node_memory_MemTotal_bytes",
        "node_uname_info",
        "node_memory_Hugepagesize_bytes",
    )
    for key in upstream:
        if key[0] in fixed:
            assert mine[key] == upstream[key]
        if key[0].startswith(("node_cpu_", "node_disk_", "node_network_receive_bytes", "node_filesystem_size")):
            assert key in mine or key[0] not in types(ours), key


# --- redis ----------------------------------------------------------------------------------------------------------


async def test_redis_is_what_redis_exporter_says(redis: Server, redis_exporter: str) -> None:
    """Every field of the snapshot is redis_exporter's; the commands differ by what the two ask themselves."""
    async with exporting("redis") as exporter:
        before = snapshot(exporter, await ask(exporter, f"redis://127.0.0.1:{redis.port}"))
        theirs = snapshot(exporter, fetch(redis_exporter))
        after = snapshot(exporter, await ask(exporter, f"redis://127.0.0.1:{redis.port}"))
    assert before.keys() == theirs.keys() == after.keys()
    assert len(theirs) == 13
    own = {"redis_commands_processed_total", "redis_memory_used_bytes", "redis_connected_clients"}
    for field in theirs.keys() - own:
        assert before[field] <= theirs[field] <= after[field], field
    assert before["redis_commands_processed_total"] < theirs["redis_commands_processed_total"]
    assert theirs["redis_connected_clients"] == before["redis_connected_clients"] + 1
    assert theirs["redis_memory_used_bytes"] == pytest.approx(before["redis_memory_used_bytes"], rel=0.2)


async def test_redis_metrics_are_redis_exporters(redis: Server, redis_exporter: str) -> None:
    """Every metric is one of redis_exporter's, with its type and labels; what does not move is equal."""
    async with exporting("redis") as exporter:
        theirs = fetch(redis_exporter)
        ours = await ask(exporter, f"redis://127.0.0.1:{redis.port}")
        theirs = fetch(redis_exporter)
    assert_same_names(ours, theirs)
    mine, upstream = series(ours), series(theirs)
    assert mine.keys() <= upstream.keys()
    same = [key for key in mine if mine[key] == upstream[key]]
    assert len(same) > 0.8 * len(mine)


async def test_redis_is_asked_over_its_socket(redis: Server) -> None:
    """`unix:` asks the same server, with the same result."""
    async with exporting("redis") as exporter:
        over_socket = snapshot(exporter, await ask(exporter, f"unix:{redis.socket}", name="a"))
        over_tcp = snapshot(exporter, await ask(exporter, f"redis://127.0.0.1:{redis.port}/0", name="b"))
    assert over_socket["redis_keys"] == over_tcp["redis_keys"] == 3


async def test_one_connection_serves_all_scrapes_and_is_closed(tmp_path: Path) -> None:
    """Scrapes of a target share a connection; after the exporter's end the server has none of it."""
    with redis_server(tmp_path) as server:

        def clients() -> tuple[int, int]:
            """Return how many have connected since the start, and are connected now, who asks included."""
            ever = redis_cli(server, "info", "stats").partition("total_connections_received:")[2].split()[0]
            return int(ever), len(redis_cli(server, "client", "list").splitlines())

        before, _ = clients()
        async with exporting("redis") as exporter:
            for _ in range(5):
                await ask(exporter, f"redis://127.0.0.1:{server.port}")
            assert clients() == (before + 3, 2)  # two more of them asked here
        for _ in range(500):
            if clients()[1] == 1:
                break
            await asyncio.sleep(0.01)
        assert clients()[1] == 1


async def test_a_password_of_redis_is_used_and_never_shown(tmp_path: Path) -> None:
    """The right password scrapes, from a file too; a wrong one or none says so, and shows nothing of it."""
    (tmp_path / "password").write_text("hunter2\n")
    with redis_server(tmp_path, "--requirepass", "hunter2") as server:
        endpoint = f"redis://127.0.0.1:{server.port}"
        async with exporting("redis") as exporter:
            for auth in (BasicAuth("default", "hunter2"), BasicAuth("", password_file=tmp_path / "password")):
                assert "redis_up 1" in await ask(exporter, endpoint, Access(basic_auth=auth), name=auth.username or "t")
            for access in (Access(basic_auth=BasicAuth("u", "wrong1")), Access()):
                with pytest.raises(ScrapeError, match=r"invalid username-password|Authentication required") as caught:
                    await ask(exporter, endpoint, access)
                assert "wrong1" not in str(caught.value)


async def test_redis_needs_no_more_rights_than_info(tmp_path: Path) -> None:
    """The user that the documentation names can be scraped, and may nothing else."""
    with redis_server(tmp_path) as server:
        redis_cli(server, "acl", "setuser", "nodepulse", "on", ">hunter2", "-@all", "+info")
        access = Access(basic_auth=BasicAuth("nodepulse", "hunter2"))
        async with exporting("redis") as exporter:
            assert "redis_up 1" in await ask(exporter, f"redis://127.0.0.1:{server.port}", access)


async def test_a_restart_of_redis_between_two_scrapes_costs_none(tmp_path: Path) -> None:
    """The scrape after a restart goes over a new connection; while the server is down the reason says so."""
    async with exporting("redis") as exporter:
        with redis_server(tmp_path) as server:
            endpoint = f"redis://127.0.0.1:{server.port}"
            await ask(exporter, endpoint)
        with redis_server(tmp_path, port=server.port):
            assert "redis_up 1" in await ask(exporter, endpoint)
        with pytest.raises(ScrapeError, match=r"cannot connect to 127.0.0.1:\d+: connection refused"):
            await ask(exporter, endpoint)


async def test_a_cancelled_scrape_of_redis_leaves_no_half_answer(redis: Server) -> None:
    """After scrapes that were cancelled at any moment, the next one has a whole answer."""
    async with exporting("redis") as exporter:
        endpoint = f"redis://127.0.0.1:{redis.port}"
        await ask(exporter, endpoint)
        for turns in range(12):
            task = asyncio.ensure_future(ask(exporter, endpoint))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            assert snapshot(exporter, await ask(exporter, endpoint))["redis_keys"] == 3


async def test_many_redis_targets_are_asked_at_once(redis: Server) -> None:
    """Targets of one exporter have connections of their own, and do not wait for each other."""
    async with exporting("redis") as exporter:
        endpoint = f"redis://127.0.0.1:{redis.port}"
        texts = await asyncio.gather(*(ask(exporter, endpoint, name=f"t{index}") for index in range(20)))
    assert all("redis_up 1" in text for text in texts)


# --- postgres -------------------------------------------------------------------------------------------------------

OWNER = Access(basic_auth=BasicAuth("postgres"))
MONITOR = Access(basic_auth=BasicAuth("nodepulse", PASSWORD))


async def test_postgres_is_what_postgres_exporter_says(postgres: Server, postgres_exporter: str) -> None:
    """Every field of the snapshot is postgres_exporter's; the two count their own transactions in between."""
    async with exporting("postgres") as exporter:
        endpoint = f"postgresql://127.0.0.1:{postgres.port}/postgres"
        before = snapshot(exporter, await ask(exporter, endpoint, OWNER))
        theirs = snapshot(exporter, fetch(postgres_exporter))
        after = snapshot(exporter, await ask(exporter, endpoint, OWNER))
    assert before.keys() == theirs.keys() == after.keys()
    assert len(theirs) == 8
    for field in ("pg_up", "pg_connections_active", "pg_connections_max", "pg_database_size_bytes"):
        assert before[field] == theirs[field] == after[field], field
    assert theirs["pg_connections_idle"] == after["pg_connections_idle"]  # each counts the other
    for field in ("pg_transactions_committed", "pg_transactions_rolled_back"):
        assert before[field] <= theirs[field] <= after[field], field
    assert theirs["pg_cache_hit_ratio"] == pytest.approx(before["pg_cache_hit_ratio"], rel=0.05)


async def test_postgres_metrics_are_postgres_exporters(postgres: Server, postgres_exporter: str) -> None:
    """Every metric is one of postgres_exporter's, with its type and labels; settings are equal to the last byte."""
    async with exporting("postgres") as exporter:
        ours = await ask(exporter, f"postgresql://127.0.0.1:{postgres.port}/postgres", OWNER)
        theirs = fetch(postgres_exporter)
    assert_same_names(ours, theirs)
    mine, upstream = series(ours), series(theirs)
    assert {key for key in mine.keys() - upstream.keys() if key[0] != "pg_scrape_collector_success"} == set()
    settings = [key for key in mine if key[0].startswith("pg_settings_")]
    assert len(settings) > 30
    for key in settings:
        assert mine[key] == pytest.approx(upstream[key], rel=1e-12), key


async def test_postgres_is_asked_over_its_socket(postgres: Server) -> None:
    """`unix:` asks the same server; the socket's folder and its file name both do."""
    async with exporting("postgres") as exporter:
        file = f"{postgres.socket}/.s.PGSQL.{postgres.port}"
        folder = f"postgresql:///postgres?host={postgres.socket}&port={postgres.port}"
        for endpoint in (f"unix:{file}", folder):
            assert "pg_up 1" in await ask(exporter, endpoint, OWNER)


async def test_the_session_reads_only_and_says_who_it_is(postgres: Server) -> None:
    """The server sees one session named nodepulse, which may not write, and whose statements end in time."""
    (made,) = import_module("nodepulse_exporter_postgres").nodepulse_exporters()
    endpoint = f"postgresql://127.0.0.1:{postgres.port}/postgres"
    try:
        for _ in range(3):
            await ask(made, endpoint, OWNER)
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'nodepulse'"
        assert psql(postgres, count) == "1"
        collector = made._collectors["postgresql"]
        target = Target("t", made.name, endpoint, interval=15.0, timeout=5.0, access=OWNER)

        async def show(session: Any) -> list[Any]:
            shown = ("default_transaction_read_only", "statement_timeout", "search_path")
            return [await session.fetchval(f"SHOW {name}") for name in shown]

        assert await collector._connections.ask(target, show) == ["on", "5s", "pg_catalog"]
    finally:
        await made.close()
    for _ in range(500):
        if psql(postgres, count) == "0":
            break
        await asyncio.sleep(0.01)
    assert psql(postgres, count) == "0"


async def test_pg_monitor_is_all_that_is_needed(postgres: Server, tmp_path: Path) -> None:
    """A user with pg_monitor sees every field, with a password from a file; a wrong one is said and not shown."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    endpoint = f"postgresql://127.0.0.1:{postgres.port}/postgres"
    async with exporting("postgres") as exporter:
        for auth in (BasicAuth("nodepulse", PASSWORD), BasicAuth("nodepulse", password_file=tmp_path / "password")):
            text = await ask(exporter, endpoint, Access(basic_auth=auth))
            assert len(snapshot(exporter, text)) == 8
            assert 'pg_scrape_collector_success{collector="stat_activity"} 1' in text
        for auth in (BasicAuth("nodepulse", "wrong1"), BasicAuth("nobody", "wrong1")):
            with pytest.raises(ScrapeError, match="password authentication failed") as caught:
                await ask(exporter, endpoint, Access(basic_auth=auth))
            assert "wrong1" not in str(caught.value)


async def test_libpqs_password_file_is_used(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the configuration names no password, it is looked for where libpq does."""
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"127.0.0.1:{postgres.port}:*:nodepulse:{PASSWORD}\n")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    async with exporting("postgres") as exporter:
        access = Access(basic_auth=BasicAuth("nodepulse"))
        assert "pg_up 1" in await ask(exporter, f"postgresql://127.0.0.1:{postgres.port}", access)


async def test_a_user_without_rights_gets_no_wrong_numbers(postgres: Server) -> None:
    """Without pg_monitor, sessions (only its own could be counted) and sizes that it may not see are left out."""
    psql(postgres, "CREATE DATABASE closed")
    psql(postgres, "REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
    psql(postgres, "CREATE ROLE plain LOGIN")
    try:
        async with exporting("postgres") as exporter:
            endpoint = f"unix:{postgres.socket}/.s.PGSQL.{postgres.port}"
            text = await ask(exporter, endpoint, Access(basic_auth=BasicAuth("plain")))
    finally:
        psql(postgres, "DROP ROLE plain")
        psql(postgres, "DROP DATABASE closed")
    fields = snapshot(exporter, text)
    assert {"pg_connections_active", "pg_connections_idle"} & fields.keys() == set()
    assert fields["pg_connections_max"] == 100
    assert 'pg_scrape_collector_success{collector="stat_activity"} 0' in text
    sizes = {dict(labels)["datname"] for name, labels in series(text) if name == "pg_database_size_bytes"}
    assert "postgres" in sizes
    assert "closed" not in sizes


async def test_a_restart_of_postgres_between_two_scrapes_costs_none() -> None:
    """The scrape after a restart goes over a new connection; while the server is down the reason says so."""
    async with exporting("postgres") as exporter:
        with postgres_home() as home:
            with postgres_server(home) as server:
                endpoint = f"postgresql://127.0.0.1:{server.port}"
                await ask(exporter, endpoint, OWNER)
            with postgres_server(home, port=server.port):
                assert "pg_up 1" in await ask(exporter, endpoint, OWNER)
            with pytest.raises(ScrapeError, match=r"cannot connect to 127.0.0.1:\d+: connection refused"):
                await ask(exporter, endpoint, OWNER)


async def test_a_cancelled_scrape_of_postgres_leaves_no_half_answer(postgres: Server) -> None:
    """After scrapes that were cancelled at any moment, the next one is whole, and no session is left behind."""
    async with exporting("postgres") as exporter:
        endpoint = f"postgresql://127.0.0.1:{postgres.port}"
        await ask(exporter, endpoint, OWNER)
        for turns in range(12):
            task = asyncio.ensure_future(ask(exporter, endpoint, OWNER))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            assert len(snapshot(exporter, await ask(exporter, endpoint, OWNER))) == 8
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'nodepulse'"
        for _ in range(500):
            if psql(postgres, count) == "1":
                break
            await asyncio.sleep(0.01)
        assert psql(postgres, count) == "1"


async def test_many_postgres_targets_are_asked_at_once(postgres: Server) -> None:
    """Targets of one exporter have connections of their own, and do not wait for each other."""
    async with exporting("postgres") as exporter:
        endpoint = f"postgresql://127.0.0.1:{postgres.port}"
        texts = await asyncio.gather(*(ask(exporter, endpoint, OWNER, name=f"t{index}") for index in range(8)))
    assert all("pg_up 1" in text for text in texts)
