"""The books as `/metrics` tells them, while an agent works under load and faults."""

from __future__ import annotations

import contextlib
import random
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.agents import running_agent
from support.programs import PATIENCE

ANSWERS = (200, 200, 503, 400, 413, 200)
LOOKS, STORED = 100, 100


class Peer(BaseHTTPRequestHandler):
    """An exporter that fails now and then, and a dashboard whose answers nobody can foresee."""

    dice = random.Random(7)

    def do_GET(self) -> None:
        """Answer with a metric, or with an error."""
        self._answer(200 if self.dice.random() < 0.9 else 500, b"# TYPE up gauge\nup 1\n")

    def do_POST(self) -> None:
        """Take a batch, or refuse it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.dice.choice(ANSWERS), b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def peer() -> Iterator[str]:
    """Run exporter and dashboard; give their URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Peer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def read_metrics(url: str) -> dict[str, float]:
    """Return the values of metrics without labels, and the sums over those with some."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=20) as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = response.read().decode().splitlines()
    found: dict[str, float] = {}
    for line in lines:
        if not line.startswith("#"):
            name, value = line.partition("{")[0].split(" ")[0], float(line.rpartition(" ")[2])
            found[name] = found.get(name, 0.0) + value
    return found


def test_the_books_balance_at_every_moment(tmp_path: Path) -> None:
    """With thirty targets that fail at times, and a dashboard that refuses at random, no entry is ever missing."""
    with peer() as url:
        endpoints = {f"target_{number}": f"{url}/metrics" for number in range(30)}
        with running_agent(tmp_path, endpoints | {"nodepulse_agent": "agent:"}, destination=f"{url}/in") as agent:
            start = time.monotonic()
            looks, stored = 0, 0.0
            while looks < LOOKS or stored < STORED:
                assert time.monotonic() < start + PATIENCE
                shown = read_metrics(agent.url)
                stored = shown["nodepulse_entries_stored_total"]
                came = shown["nodepulse_entries_found_total"] + shown["nodepulse_entries_stored_total"]
                went = sum(
                    shown[f"nodepulse_{name}"]
                    for name in (
                        "entries_delivered_total",
                        "buffer_entries",
                        "quarantined_entries",
                        "entries_evicted_total",
                        "entries_left_total",
                    )
                )
                assert came == went
                looks += 1
            assert shown["nodepulse_entries_delivered_total"] > 0
            assert shown["nodepulse_target_scrape_failures_total"] > 0
            assert shown["nodepulse_delivery_request_duration_seconds_count"] > 0
            own = agent.read("/api/exporters/nodepulse_agent")
            assert (own["status"], own["type"]) == ("running", "nodepulse_agent")
            assert own["samples"] > 300
    files = list((tmp_path / "buffer").rglob("nodepulse_agent/*.prom"))
    assert all("nodepulse_build_info{" in path.read_text() for path in files)
