"""A dashboard that keeps what it is sent and answers as it is told: on loopback, in threads of its own."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from attrs import Factory, frozen

_PATIENCE = 30.0
_PAUSE = 0.02
_LARGEST = 256 * 1024**2


@frozen
class Post:
    """One POST as it came in, and the status that it was answered with."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def batch(self) -> dict[str, list[dict[str, Any]]]:
        """What it carries: the objects by key."""
        plain = gzip.decompress(self.body) if self.headers.get("Content-Encoding") == "gzip" else self.body
        read: dict[str, list[dict[str, Any]]] = json.loads(plain)
        return read


@frozen
class Reply:
    """What is answered to a POST."""

    status: int = 200
    headers: Mapping[str, str] = Factory(dict)
    body: bytes = b""


class Dashboard:
    """Accepts everything unless it is told otherwise."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.port = 0
        self._reply = Reply()
        self._next: deque[Reply] = deque()
        self._came = threading.Condition()
        self._server: http.server.ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def endpoint(self) -> str:
        """Where it takes batches: what `server.endpoint` of a configuration is set to."""
        return f"http://127.0.0.1:{self.port}/metrics/prometheus"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer so from now on; an underscore in a header's name stands for a dash."""
        self._reply = _reply(status, body, headers)

    def answer_once(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer the next POST so; called several times, the next ones, in that order."""
        self._next.append(_reply(status, body, headers))

    def objects(self, key: str) -> list[dict[str, Any]]:
        """Return the objects of a key that were accepted so far, in the order in which they came."""
        accepted = [post for post in list(self.posts) if 200 <= post.status < 300]  # noqa: PLR2004 - success in HTTP
        return [each for post in accepted for each in post.batch.get(key, [])]

    def wait_for(self, key: str, count: int = 1, seconds: float = _PATIENCE) -> list[dict[str, Any]]:
        """Return the objects of a key once so many were accepted; raises AssertionError with what came instead."""
        end = time.monotonic() + seconds
        with self._came:
            while len(found := self.objects(key)) < count:
                self._came.wait(max(0.0, end - time.monotonic()))
                if time.monotonic() >= end:
                    got = ", ".join(sorted({each for post in self.posts for each in post.batch})) or "nothing"
                    raise AssertionError(
                        f"{len(found)} of {count} objects of {key} were delivered within {seconds:g} s; "
                        f"what came in {len(self.posts)} POSTs: {got}. Read the agent's log for what failed"
                    )
        return found

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        kit = self

        class Handler(_Handler):
            server_of_kit = kit

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_PAUSE,), name="dashboard", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; what was sent stays."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None

    def take(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Keep a POST and answer it."""
        size = int(handler.headers.get("Content-Length", 0))
        body = handler.rfile.read(min(size, _LARGEST))
        with self._came:
            reply = self._next.popleft() if self._next else self._reply
            self.posts.append(Post(handler.path, dict(handler.headers), body, reply.status))
            self._came.notify_all()
        handler.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(reply.body)


@contextmanager
def dashboard() -> Iterator[Dashboard]:
    """Run a dashboard until the block ends."""
    made = Dashboard()
    made.start()
    try:
        yield made
    finally:
        made.stop()


class _Handler(http.server.BaseHTTPRequestHandler):
    server_of_kit: Dashboard
    timeout = 60

    def do_POST(self) -> None:
        with suppress(ConnectionError, TimeoutError):
            self.server_of_kit.take(self)

    def log_message(self, *_: object) -> None:
        """Log nothing: what was sent is kept."""


def _reply(status: int, body: bytes, headers: Mapping[str, str]) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
