"""Certificates of authorities that a test makes, and HTTPS servers that show and ask for them."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme
from attrs import define, field

_PIECE = 65536
LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
"""The two ends of a validity that is over."""


def write_pair(cert: trustme.LeafCert, folder: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate and its key; return both files. What is there is replaced at once, as good tools do."""
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    contents = b"".join(blob.bytes() for blob in cert.cert_chain_pems), cert.private_key_pem.bytes()
    for path, content in zip(paths, contents, strict=True):
        new = path.with_suffix(".new")
        new.touch(0o600)
        new.write_bytes(content)
        new.replace(path)
    return paths


def write_authority(authority: trustme.CA, path: Path) -> Path:
    """Write an authority's certificate; return its file."""
    authority.cert_pem.write_to_path(str(path))
    return path


def encrypt_key(key: Path) -> Path:
    """Write a key once more, encrypted with a password; return its file."""
    path = key.with_suffix(".encrypted")
    encrypt = ["openssl", "pkey", "-in", str(key), "-aes256", "-passout", "pass:hunter2", "-out", str(path)]
    subprocess.run(encrypt, check=True, capture_output=True)
    return path


@define
class SecureServer:
    """An HTTPS server: its port, how it answers, and what it was asked."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(factory=dict)
    answer: Callable[[str, dict[str, str]], bytes] = lambda path, headers: b"up 1\n"
    """Makes the body, from the path and the headers of a request."""
    asked: list[tuple[str, dict[str, str]]] = field(factory=list)
    clients: list[str] = field(factory=list)
    """Whom each request's client certificate names."""

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"https://localhost:{self.port}/metrics"


@contextlib.contextmanager
def secure_server(
    cert: trustme.LeafCert | None, *, clients_of: trustme.CA | None = None, newest: ssl.TLSVersion | None = None
) -> Iterator[SecureServer]:
    """Run a server on a free port of localhost that shows a certificate, and may ask for one of an authority's.

    Without a certificate it speaks no TLS. It reads and writes its sockets itself, so that it tells why it breaks off,
    as servers in production do; asyncio's own does not.
    """
    told = SecureServer()
    context = None
    if cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert.configure_cert(context)
        if newest is not None:
            context.maximum_version = newest
        if clients_of is not None:
            clients_of.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def setup(self) -> None:
            if context is not None:
                self.request.settimeout(self.timeout)
                self._encrypt(context)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def _encrypt(self, context: ssl.SSLContext) -> None:
            self.request = context.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
            try:
                self.request.do_handshake()
            except OSError:
                # To close it with something unread would reset it, and the reason would be lost on the way.
                with contextlib.suppress(OSError), socket.socket(fileno=self.request.detach()) as raw:
                    raw.settimeout(self.timeout)
                    raw.shutdown(socket.SHUT_WR)
                    while raw.recv(_PIECE):
                        pass
                raise

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.asked.append((self.path, dict(self.headers)))
            body = told.answer(self.path, dict(self.headers))
            shown = self.request.getpeercert() if context is not None else None
            if shown:
                told.clients.append(shown["subjectAltName"][0][1])
            self.send_response(told.status)
            for name, value in {
                "Content-Type": "text/plain",
                "Content-Length": str(len(body)),
                **told.headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def shutdown_request(self, request: Any) -> None:
            with contextlib.suppress(OSError):
                super().shutdown_request(request)

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a broken handshake is what is tried

    with Server(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
