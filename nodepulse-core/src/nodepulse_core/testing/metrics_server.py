"""An exporter's endpoint that misbehaves when it is told to: on loopback, in threads of its own."""

from __future__ import annotations

import http.server
import itertools
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final, Literal, get_args

from attrs import frozen

Behaviour = Literal[
    "well", "refuse", "hang", "slow", "endless", "bomb", "html", "error", "redirect", "half_line", "not_utf8"
]
"""How it answers: as it should; not at all, as nobody listens; never; a byte at a time; without end; with gzip that
inflates to 64 MiB; with a page; with status 500; with 302; cut short within a line; with bytes that are no UTF-8."""

BEHAVIOURS: Final[tuple[Behaviour, ...]] = get_args(Behaviour)
_BOMB_SIZE = 64
_PIECE = 1024
_MIB = 1024**2
_PAUSE = 0.02


@frozen
class Asked:
    """One request as it came in."""

    path: str
    headers: dict[str, str]


class MetricsServer:
    """Answers every GET with its text, or as it was told to misbehave."""

    def __init__(self, text: str = "up 1\n") -> None:
        self.text = text
        self.asked: list[Asked] = []
        self.port = 0
        self._behaviour: Behaviour = "well"
        self._changed = threading.Event()
        self._server: http.server.ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def endpoint(self) -> str:
        """Where it answers; the same whatever it does."""
        return f"http://127.0.0.1:{self.port}/metrics"

    def behave(self, behaviour: Behaviour) -> None:
        """Answer so from now on; who waits for an earlier answer loses the connection. Raises ValueError."""
        if behaviour not in BEHAVIOURS:
            raise ValueError(f"{behaviour!r} is no behaviour; there are {', '.join(BEHAVIOURS)}")
        self._behaviour = behaviour
        self._let_go()
        if behaviour == "refuse":
            self.stop()
        elif self._server is None:
            self.start()

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1; once more, on the same."""
        kit = self

        class Handler(_Handler):
            server_of_kit = kit

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_PAUSE,), name="metrics server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, and end all answers."""
        self._let_go()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None

    def _let_go(self) -> None:
        self._changed.set()
        self._changed = threading.Event()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        behaviour, changed, text = self._behaviour, self._changed, self.text.encode()
        self.asked.append(Asked(handler.path, dict(handler.headers)))
        if behaviour == "hang":
            changed.wait()
        elif behaviour == "slow":
            _send(handler, 200, None, {})
            for byte in itertools.cycle(text):
                handler.wfile.write(bytes([byte]))
                if changed.wait(_PAUSE):
                    return
        elif behaviour == "endless":
            _send(handler, 200, None, {})
            while not changed.is_set():
                handler.wfile.write(text * _PIECE)
        else:
            _send(handler, *_find_answer(behaviour, text))


@contextmanager
def metrics_server(text: str = "up 1\n") -> Iterator[MetricsServer]:
    """Run a server of metrics until the block ends."""
    server = MetricsServer(text)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that goes away: many of these answers are not read to their end."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server_of_kit: MetricsServer
    timeout = 60

    def do_GET(self) -> None:
        with suppress(ConnectionError, TimeoutError):
            self.server_of_kit.answer(self)

    def log_message(self, *_: object) -> None:
        """Log nothing: what was asked is kept."""


def _send(
    handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes | None, headers: dict[str, str]
) -> None:
    """Send an answer; one without a body goes on until its connection is closed."""
    handler.send_response(status)
    length = {} if body is None else {"Content-Length": str(len(body))}
    for name, value in {"Content-Type": "text/plain; version=0.0.4", **length, **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body or b"")


def _find_answer(behaviour: Behaviour, text: bytes) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of an answer that has an end."""
    answers: dict[Behaviour, tuple[int, bytes, dict[str, str]]] = {
        "html": (200, b"<!DOCTYPE html><title>Exporter</title>", {"Content-Type": "text/html"}),
        "error": (500, text, {}),
        "redirect": (302, b"", {"Location": "/elsewhere"}),
        "half_line": (200, text.rstrip(b"\n")[:-1].rstrip() or b"u", {}),
        "not_utf8": (200, b'broken{name="\xff"} 1\n' + text, {}),
    }
    if behaviour == "bomb":
        return 200, _bomb(), {"Content-Encoding": "gzip"}
    return answers.get(behaviour, (200, text, {}))


@cache
def _bomb() -> bytes:
    deflate = zlib.compressobj(level=1, wbits=31)
    return b"".join(deflate.compress(b"\n" * _MIB) for _ in range(_BOMB_SIZE)) + deflate.flush()
