"""What the agent costs: ten targets at 1 s, on recorded expositions, against a dashboard that only counts.

    python3 dev.py bench [--seconds 20] [--targets 10]

Prints CPU seconds per million samples, memory, and requests sent; and, since machines differ, the agent's CPU time
beside what the same machine needs, in the same run, to read the same number of expositions line by line in Python.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

EXPOSITIONS = Path(__file__).parent.parent / "tests" / "fixtures" / "expositions"
KINDS = ("node_exporter", "postgres_exporter", "redis_exporter")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def recorded(kind: str) -> bytes:
    """Return the recorded exposition of an exporter."""
    (path,) = EXPOSITIONS.glob(f"{kind}-*.prom")
    return path.read_bytes()


async def serve() -> None:
    """Be all exporters and the dashboard: answer /<kind>, count what is posted to /in, and tell at /counts."""
    counts = {"scrapes": 0, "requests": 0, "entries": 0, "bytes": 0}
    bodies = {kind: recorded(kind) for kind in KINDS}

    async def metrics(request: web.Request) -> web.Response:
        counts["scrapes"] += 1
        body = bodies[request.match_info["kind"]]
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4"})

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        counts["requests"] += 1
        counts["bytes"] += len(body)
        counts["entries"] += sum(map(len, json.loads(body).values()))
        return web.Response()

    async def tell(_: web.Request) -> web.Response:
        return web.json_response(counts)

    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_get("/counts", tell)
    app.router.add_get("/{kind}", metrics)
    app.router.add_post("/in", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextlib.contextmanager
def child(*command: str, output: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """Run a process until the block ends."""
    process = subprocess.Popen([sys.executable, *command], stdout=output, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process, in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1024**2


async def counts_of(port: int) -> dict[str, int]:
    """Ask the server what it has counted."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /counts HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    counts: dict[str, int] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return counts


def configure(home: Path, port: int, targets: int) -> Path:
    """Write a configuration with that many targets, at 1 s each."""
    lines = [
        f"  - {{name: t{index}, type: {KINDS[index % len(KINDS)]}, interval: 1s,"
        f" endpoint: 'http://127.0.0.1:{port}/{KINDS[index % len(KINDS)]}'}}"
        for index in range(targets)
    ]
    path = home / "nodepulse.yml"
    path.write_text(
        f"server: {{endpoint: 'http://127.0.0.1:{port}/in'}}\nagent: {{state_dir: '{home}'}}\n"
        f"buffer: {{drain_jitter: 0s, min_free_bytes: 1MiB}}\napi: {{enabled: false}}\nexporters:\n"
        + "\n".join(lines)
        + "\n"
    )
    return path


def line_by_line(targets: int) -> float:
    """Return the CPU seconds of reading each target's exposition once with a plain loop over its lines."""
    texts = [recorded(KINDS[index % len(KINDS)]).decode() for index in range(targets)]
    began = time.process_time()
    for text in texts:
        samples = {}
        for line in text.split("\n"):
            if line and not line.startswith("#"):
                series, _, value = line.rpartition(" ")
                samples[series] = float(value)
    return time.process_time() - began


def main() -> None:
    """Run the benchmark, and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="how long to measure (default 20)")
    parser.add_argument("--targets", type=int, default=10, help="how many targets (default 10)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    per_round = sum(
        1
        for index in range(options.targets)
        for line in recorded(KINDS[index % 3]).splitlines()
        if line[:1] not in b"#"
    )
    with (
        tempfile.TemporaryDirectory(prefix="nodepulse-bench-") as home,
        child(__file__, "--serve", output=subprocess.PIPE) as server,
    ):
        assert server.stdout is not None
        port = int(server.stdout.readline())
        config = configure(Path(home), port, options.targets)
        with child("-m", "nodepulse_core", "--config", str(config), "start") as agent:
            time.sleep(3)  # the start is not what is measured
            before, began = asyncio.run(counts_of(port)), cpu_seconds(agent.pid)
            print(f"measuring {options.targets} targets at 1 s for {options.seconds:g} s …", flush=True)
            time.sleep(options.seconds)
            spent, rss = cpu_seconds(agent.pid) - began, rss_mib(agent.pid)
            after = asyncio.run(counts_of(port))
    scrapes = after["scrapes"] - before["scrapes"]
    samples = per_round * scrapes / options.targets
    naive = min(line_by_line(options.targets) for _ in range(5)) * scrapes / options.targets
    print(f"scrapes                        {scrapes}")
    print(f"samples                        {samples:.0f}")
    print(f"requests sent                  {after['requests'] - before['requests']}")
    print(f"entries delivered              {after['entries'] - before['entries']}")
    print(f"CPU seconds                    {spent:.2f}  ({100 * spent / options.seconds:.1f} % of a core)")
    print(f"CPU seconds / million samples  {spent / samples * 1e6:.2f}")
    print(f"  beside a Python line loop    {spent / naive:.1f} times its CPU (scrape, disk and delivery included)")
    print(f"RSS                            {rss:.1f} MiB")


if __name__ == "__main__":
    main()
