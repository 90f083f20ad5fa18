"""The command in surroundings of each test's own, and exporters that answer as they are told."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Command

_ANSWERS = {
    "/metrics": (200, "text/plain", b"# TYPE up gauge\nup 1\nbig 8589934592\n"),
    "/html": (200, "text/html", b"<html>hello</html>"),
    "/broken": (200, "text/plain", b"up 1\nthis is { no metric\n"),
    "/empty": (200, "text/plain", b"# nothing\n"),
    "/error": (500, "text/plain", b"no"),
    "/moved": (302, "text/plain", b""),
}


class _Exporter(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/hang":
            time.sleep(5)
            return
        status, kind, body = _ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Give the command in an empty home."""
    return Command(tmp_path)


@pytest.fixture
def exporter() -> Iterator[str]:
    """Give the address of an exporter that answers each path in its own way."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
