"""Hosts and servers asked directly, beside the upstream exporters that ask the same ones."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core import HTTPExporter, ScrapeError, Target
from nodepulse_core.exposition import stamp
from nodepulse_core.model import Access, BasicAuth
from support.oracle import read_series
from support.programs import await_text, free_port, running
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


async def read_around(
    exporter: HTTPExporter,
    endpoint: str,
    url: str,
    access: Access = Access(),  # noqa: B008 - it is frozen
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return a snapshot of our own, upstream's, and one of our own after it."""
    before = snapshot(exporter, await ask(exporter, endpoint, access))
    theirs = snapshot(exporter, fetch(url))
    return before, theirs, snapshot(exporter, await ask(exporter, endpoint, access))


async def assert_equal_once(name: str, differing: Callable[[HTTPExporter], Awaitable[set[str]]]) -> None:
    """Fail unless two readings agree at some time: what else happens on the machine may come between any of them."""
    tries = []
    async with exporting(name) as exporter:
        for _ in range(30):
            tries.append(await differing(exporter))
            if not tries[-1]:
                return
            await asyncio.sleep(0.05)
    pytest.fail(f"these never agree: {set.intersection(*tries) or tries}")


# --- the host -------------------------------------------------------------------------------------------------------

# What moves between two readings, and by how much of itself: the rest of memory, the counters of a running machine.
_RELATIVE = 0.05


async def test_the_host_is_what_node_exporter_says(node_exporter: str) -> None:
    """Every field of the snapshot is node_exporter's, but for what moves in the milliseconds between them."""
    moving = {"processes_running", "processes_blocked", "load_1min", "load_average_1m"}

    async def differing(exporter: HTTPExporter) -> set[str]:
        before, theirs, after = await read_around(exporter, "host:", node_exporter)
        assert before.keys() == theirs.keys()
        assert len(theirs) == 46
        found = set()
        for field in theirs.keys() - moving:
            low, high = sorted((before[field], after[field]))
            slack = _RELATIVE * high if field.startswith(("memory_", "swap_", "disk_")) else 0
            if not low - slack <= theirs[field] <= high + slack:
                found.add(field)
        return found

    await assert_equal_once("node", differing)


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
    """Every field of the snapshot is redis_exporter's, but for what the two themselves add to the server."""

    async def differing(exporter: HTTPExporter) -> set[str]:
        before, theirs, after = await read_around(exporter, f"redis://127.0.0.1:{redis.port}", redis_exporter)
        assert before.keys() == theirs.keys()
        assert len(theirs) == 13
        theirs["redis_connected_clients"] -= 1  # redis_exporter's own, which it closes
        used = "redis_memory_used_bytes"
        theirs[used] = before[used] if theirs[used] == pytest.approx(before[used], rel=0.2) else theirs[used]
        return {field for field in theirs if not before[field] <= theirs[field] <= max(before[field], after[field])}

    await assert_equal_once("redis", differing)


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

    async def differing(exporter: HTTPExporter) -> set[str]:
        endpoint = f"postgresql://127.0.0.1:{postgres.port}/postgres"
        before, theirs, after = await read_around(exporter, endpoint, postgres_exporter, OWNER)
        assert before.keys() == theirs.keys()
        assert len(theirs) == 8
        ratio = theirs.pop("pg_cache_hit_ratio")
        assert ratio == pytest.approx(before["pg_cache_hit_ratio"], rel=0.05)
        return {field for field in theirs if not before[field] <= theirs[field] <= after[field]}

    await assert_equal_once("postgres", differing)


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


# --- the agent ------------------------------------------------------------------------------------------------------


def test_three_direct_targets_arrive_at_the_dashboard(redis: Server, postgres: Server, tmp_path: Path) -> None:
    """The agent asks a host and two servers by itself, delivers, and leaves no connection and no secret behind."""
    (tmp_path / "password").write_text(PASSWORD)
    dashboard = f"127.0.0.1:{free_port()}"
    config = tmp_path / "nodepulse.yml"
    config.write_text(
        f"server: {{endpoint: 'http://{dashboard}/metrics/prometheus'}}\n"
        f"agent: {{state_dir: '{tmp_path}', server_id: direct-1, interval: 1s}}\n"
        "api: {enabled: false}\n"
        "logging: {level: debug}\n"
        "buffer: {drain_jitter: 0s, min_free_bytes: 1MiB}\n"
        "exporters:\n"
        "  - {name: node_exporter, endpoint: 'host:'}\n"
        f"  - {{name: redis_exporter, endpoint: 'unix:{redis.socket}'}}\n"
        f"  - {{name: postgres_exporter, endpoint: 'postgresql://127.0.0.1:{postgres.port}',"
        f" basic_auth: {{username: nodepulse, password_file: '{tmp_path}/password'}}}}\n"
    )
    nodepulse = [sys.executable, "-X", "dev", "-m", "nodepulse_core"]
    log = tmp_path / "agent.log"
    receive = [*nodepulse, "dashboard", "--listen", dashboard, "--database", str(tmp_path / "dashboard.sqlite")]
    with running(receive, tmp_path / "dashboard.log"):
        await_text(f"http://{dashboard}/", contains="<html", log=tmp_path / "dashboard.log")
        with running([*nodepulse, "--config", str(config), "start"], log) as agent:
            latest = f"http://{dashboard}/api/servers/direct-1/latest"
            for field in ("memory_total_bytes", "redis_keys", "pg_connections_idle"):
                await_text(latest, contains=field, log=log)
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(10) == 0, log.read_text()
    said = log.read_text()
    assert PASSWORD not in said
    assert "Warning" not in said
    assert " 0 entries wait" in said
