"""What asking a host or a server directly costs, beside the upstream exporter that asks the same one, in one run.

    python3 dev.py bench direct [--scrapes 300] [--rounds 3]

Each row is a process of its own that scrapes one endpoint over and over as the agent does (by the exporter plugin,
checked and stamped), and makes snapshots of it. CPU is milliseconds for each scrape, of that process, of the upstream
exporter and of the server: the median of the rounds, which take turns. Memory is what is resident at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from attrs import frozen

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import pytest
from support.programs import await_text, free_port, need, running
from support.servers import postgres_home, postgres_server, redis_server

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
WARM_UP = 20
MILLISECONDS = ("scrape", "snapshot", "exporter", "server", "all", "took")
SNAPSHOT_COLLECTORS = ("cpu", "meminfo", "loadavg", "diskstats", "netdev", "filesystem", "stat", "time")


@frozen
class Row:
    """One way to the metrics: what it is, the plugin and endpoint, and the processes whose CPU it takes besides."""

    title: str
    plugin: str
    endpoint: str
    exporter: int | None = None
    server: int | None = None


def scrape(plugin: str, endpoint: str, scrapes: int) -> None:
    """Scrape an endpoint that many times, and print what each time took of this process."""
    from nodepulse_core import Target  # noqa: PLC0415 - only the child needs the agent
    from nodepulse_core.collect import Scraper, TargetHTTP  # noqa: PLC0415 - the same

    (exporter,) = import_module(f"nodepulse_exporter_{plugin}").nodepulse_exporters()
    target = Target("bench", exporter.name, endpoint, interval=15.0, timeout=5.0)

    async def run() -> dict[str, float]:
        http = TargetHTTP("nodepulse-bench")
        scraper = Scraper(http)
        for turn in range(-WARM_UP, scrapes):
            if turn == 0:
                gc.collect()
                gc.freeze()
                print("warm", flush=True)
                sys.stdin.readline()
                began, wall = time.process_time(), time.perf_counter()
            body = (await scraper.scrape(target, exporter, 1_800_000_000 + turn, target.timeout)).body
        spent, took, began = time.process_time() - began, time.perf_counter() - wall, time.process_time()
        for _ in range(scrapes):
            exporter.snapshot(body.decode())
        made = time.process_time() - began
        await scraper.close(exporter)
        await http.close()
        figures = {"scrape": spent, "snapshot": made, "took": took}
        per_scrape = {name: seconds * 1000 / scrapes for name, seconds in figures.items()}
        return {**per_scrape, "bytes": len(body), "rss": rss(os.getpid())}

    print(json.dumps(asyncio.run(run())))


def rss(pid: int) -> float:
    """Return the resident memory of a process, in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1024**2


def cpu(pid: int | None) -> float:
    """Return the milliseconds of CPU of a process and its children, those that have ended included."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat") if pid else ():
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if path.parent.name == str(pid):
                total += sum(map(int, fields[11:15]))
            elif fields[1] == str(pid):
                total += sum(map(int, fields[11:13]))
    return total * 1000 / TICKS


def measure(row: Row, scrapes: int) -> dict[str, float]:
    """Return what a row costs in a process of its own."""
    command = [sys.executable, __file__, "--child", row.plugin, row.endpoint, "--scrapes", str(scrapes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "warm\n", f"{row.endpoint} cannot be scraped"
        exporter, server = cpu(row.exporter), cpu(row.server)
        child.stdin.write("go\n")
        child.stdin.flush()
        figures: dict[str, float] = json.loads(child.stdout.readline())
        # A child's CPU is read while it, and the session it keeps, are there.
        figures["exporter"] = (cpu(row.exporter) - exporter) / scrapes
        figures["server"] = (cpu(row.server) - server) / scrapes
    figures["all"] = sum(figures[part] for part in ("scrape", "snapshot", "exporter", "server"))
    figures["exporter_rss"] = rss(row.exporter) if row.exporter else 0.0
    return figures


@contextlib.contextmanager
def upstream(command: list[str], home: Path, contains: str, **environ: str) -> Iterator[tuple[str, int]]:
    """Run an upstream exporter; give its endpoint and its process."""
    need(command[0])
    address, log = f"127.0.0.1:{free_port()}", home / f"{command[0]}.log"
    with running([*command, f"--web.listen-address={address}"], log, environ=environ) as process:
        await_text(f"http://{address}/metrics", contains=contains, log=log)
        yield f"http://{address}/metrics", process.pid


@contextlib.contextmanager
def hosts(home: Path) -> Iterator[list[Row]]:
    """Give the ways to this host's metrics."""
    with upstream(["prometheus-node-exporter"], home, "node_boot_time_seconds") as (url, pid):
        only = "&".join(f"collect[]={name}" for name in SNAPSHOT_COLLECTORS)
        yield [
            Row("node_exporter", "node", url, pid),
            Row("node_exporter, 8 collectors", "node", f"{url}?{only}", pid),
            Row("host:", "node", "host:"),
        ]


@contextlib.contextmanager
def redis(home: Path) -> Iterator[list[Row]]:
    """Give the ways to a redis-server's metrics."""
    with redis_server(home, "--pidfile", str(home / "redis.pid")) as server:
        source, pid = f"redis://127.0.0.1:{server.port}", int((home / "redis.pid").read_text())
        with upstream(["prometheus-redis-exporter", f"--redis.addr={source}"], home, "redis_up 1") as (url, exporter):
            yield [
                Row("redis_exporter", "redis", url, exporter, pid),
                Row("redis://", "redis", source, server=pid),
                Row("unix:", "redis", f"unix:{server.socket}", server=pid),
            ]


@contextlib.contextmanager
def postgres(home: Path) -> Iterator[list[Row]]:
    """Give the ways to a PostgreSQL server's metrics."""
    with postgres_home() as cluster, postgres_server(cluster) as server:
        pid = int((cluster / "data" / "postmaster.pid").read_text().split()[0])
        os.environ["PGUSER"] = "postgres"
        source = f"postgresql://postgres@127.0.0.1:{server.port}/postgres?sslmode=disable"
        command = ["prometheus-postgres-exporter"]
        with upstream(command, home, "pg_up 1", DATA_SOURCE_NAME=source) as (url, exporter):
            yield [
                Row("postgres_exporter", "postgres", url, exporter, pid),
                Row("postgresql://", "postgres", f"postgresql://127.0.0.1:{server.port}/postgres", server=pid),
            ]


def compare(ways: Callable[[Path], contextlib.AbstractContextManager[list[Row]]], scrapes: int, rounds: int) -> None:
    """Measure all ways to the same metrics in turn, and print a table."""
    with tempfile.TemporaryDirectory(prefix="nodepulse-bench-") as home, contextlib.ExitStack() as stack:
        try:
            rows = stack.enter_context(ways(Path(home)))
        except pytest.skip.Exception as reason:
            print(f"{ways.__name__}: {reason}")
            return
        figures = [[measure(row, scrapes) for row in rows] for _ in range(rounds)]
    for place, row in enumerate(rows):
        median = {name: statistics.median(each[place][name] for each in figures) for name in figures[0][place]}
        milliseconds = "".join(f"{median[name]:10.2f}" for name in MILLISECONDS)
        memory = f"{median['rss']:10.1f}{median['exporter_rss']:10.1f}"
        print(f"{row.title:<28}{milliseconds}{memory}{median['bytes'] / 1024:10.1f}", flush=True)


def read_alone(scrapes: int) -> None:
    """Print what reading this host and writing its text takes by itself, without a scrape around it."""
    from nodepulse_core import write_exposition  # noqa: PLC0415 - only this needs the agent
    from nodepulse_exporter_node.host import read_host  # noqa: PLC0415 - the same

    for _ in range(WARM_UP):
        write_exposition(read_host())
    began = time.process_time()
    for _ in range(scrapes):
        write_exposition(read_host())
    print(f"host: read and written alone{1000 * (time.process_time() - began) / scrapes:10.2f} ms of CPU")


def main() -> None:
    """Run the benchmark, and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=300, help="how many scrapes a round has (default 300)")
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds (default 3)")
    parser.add_argument("--child", nargs=2, metavar=("PLUGIN", "ENDPOINT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        scrape(*options.child, options.scrapes)
        return
    print(f"{'':28}{'CPU, ms a scrape':>50}{'ms':>10}{'RSS, MiB':>20}{'KiB':>10}")
    print(f"{'':28}{''.join(f'{head:>10}' for head in (*MILLISECONDS, 'agent', 'exporter', 'text'))}")
    for ways in (hosts, redis, postgres):
        compare(ways, options.scrapes, options.rounds)
    read_alone(options.scrapes)


if __name__ == "__main__":
    main()
