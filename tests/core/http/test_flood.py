"""A flood of connections, while scrapes go on with hardly any file descriptors to spare."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.agents import running_agent
from support.programs import PATIENCE, need

FILES = 128
CONNECTIONS = 500
SLOTS = 4


class Exporter(BaseHTTPRequestHandler):
    """Answers with one metric."""

    def do_GET(self) -> None:
        """Answer."""
        body = b"up 1\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Takes ten scrapes at once: the default of five connections that wait would cost the others a second."""

    request_queue_size = 128


@contextlib.contextmanager
def exporter() -> Iterator[str]:
    """Run an exporter; give its endpoint."""
    with Server(("127.0.0.1", 0), Exporter) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/metrics"
        finally:
            server.shutdown()
            thread.join()


def test_a_flood_costs_no_scrape(tmp_path: Path) -> None:
    """500 connections that say nothing, again and again, and 128 file descriptors in all: no slot is lost.

    The agent never holds more than its part of them for callers, and answers again as soon as the flood is over.
    """
    need("prlimit")
    targets = [f"target_{number}" for number in range(10)]
    limited = ("prlimit", f"--nofile={FILES}:{FILES}")
    with exporter() as endpoint, running_agent(tmp_path, dict.fromkeys(targets, endpoint), command=limited) as agent:
        agent.until("/health", lambda said: all(each["samples"] for each in said["exporters"]))
        before = _slots(tmp_path, targets)
        files = Path(f"/proc/{agent.process.pid}/fd")
        host, port = agent.url.removeprefix("http://").split(":")
        most = 0
        end = time.monotonic() + PATIENCE
        while _slots(tmp_path, targets) < before + SLOTS:
            assert time.monotonic() < end, agent.log.read_text()[-2000:]
            with ExitStack() as stack:
                for _ in range(CONNECTIONS):
                    stack.enter_context(socket.create_connection((host, int(port)), PATIENCE))
                most = max(most, len(list(files.iterdir())))
                time.sleep(0.2)
        said = agent.until("/health", lambda said: said["status"] in {"healthy", "degraded"})
        assert [each["failures"] for each in said["exporters"]] == [0] * len(targets)
        # A disk that takes a second for a moment makes a scrape overrun; one for want of descriptors would fail.
        assert all(each["skipped"] <= 1 for each in said["exporters"])
        assert said["buffer"]["refused"] == 0
        assert FILES // 4 <= most < FILES - 16
    assert "Too many open files" not in agent.log.read_text()


def _slots(home: Path, targets: list[str]) -> int:
    """Return how many slots the target with the fewest has on disk."""
    return min(len(list((home / "buffer" / name).glob("*.prom"))) for name in targets)
