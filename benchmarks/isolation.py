"""What a process of its own costs an exporter: CPU and time for each scrape and snapshot, and memory.

python3 dev.py bench isolation [--scrapes N]

Both ways are taken by turns in one run, over the same texts. HTTP is left out: it is the agent's either way.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import time
from pathlib import Path
from typing import Any

from nodepulse_core.isolation import Isolation
from nodepulse_core.model import Target
from nodepulse_core.plugins import PluginHost, Registry

_TICKS = 100


class Web:
    """HTTP that answers at once."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def get(self, _: Target) -> bytes:
        """Return the body."""
        return self.body


def make_text(series: int) -> bytes:
    """Return an exposition of so many series."""
    lines = (f'node_cpu_seconds_total{{cpu="{number}",mode="idle"}} {number}.5\n' for number in range(series))
    return ("# TYPE node_cpu_seconds_total counter\n" + "".join(lines)).encode()


def cpu_of(pid: int | None) -> float:
    """Return the CPU seconds of this process, and of a child where there is one."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() if pid else ["0"] * 14
    return used.ru_utime + used.ru_stime + (int(fields[11]) + int(fields[12])) / _TICKS


async def measure(exporter: Any, target: Target, body: bytes, scrapes: int, pid: int | None) -> tuple[float, float]:
    """Return the median milliseconds of a scrape with its snapshot, and the CPU milliseconds of one."""
    text, web = body.decode(), Web(body)
    took = []
    before = cpu_of(pid)
    for _ in range(scrapes):
        began = time.perf_counter()
        await exporter.scrape(target, web)
        await asyncio.to_thread(exporter.snapshot, text)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000, (cpu_of(pid) - before) / scrapes * 1000


async def main(scrapes: int) -> None:
    """Print the table."""
    isolation, host = Isolation(), PluginHost()
    registry = Registry(host, isolation.describe)
    target = Target("apart", "node_exporter", "http://localhost/", 15.0, 60.0, isolation="process")
    within = registry.load("node_exporter")
    given = registry.describe("node_exporter"), registry.installed("node_exporter")
    apart = isolation.exporter(target, *given, asyncio.get_running_loop())
    began = time.perf_counter()
    await apart.scrape(target, Web(make_text(10)))
    pid = apart.state().pid
    print(f"started and scraped in {time.perf_counter() - began:.2f} s")
    print(f"{'body':>8} {'':>8} {'ms':>8} {'ms CPU':>8}")
    for series in (30, 1500, 20_000):
        body = make_text(series)
        for name, exporter, child in (("within", within, None), ("apart", apart, pid)):
            took, cpu = await measure(exporter, target, body, scrapes, child)
            print(f"{len(body) // 1024:>5} KiB {name:>8} {took:>8.2f} {cpu:>8.2f}")
    print(memory_of(pid))
    await isolation.close()


def memory_of(pid: int | None) -> str:
    """Return what of a process's memory is its own, and all that it has in memory."""
    lines = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    own, resident = (int(lines[key].split()[0]) / 1024 for key in ("Private_Dirty", "Rss"))
    return f"memory of the process: {own:.0f} MiB its own, {resident:.0f} MiB resident"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=200)
    asyncio.run(main(parser.parse_args().scrapes))
