"""What answers `/health` as an agent would, with any report."""

from __future__ import annotations

import http.server
import json
import threading
from types import TracebackType

from nodepulse_core.agent.report import Report
from nodepulse_core.http.health import describe_report


class StandIn:
    """A server on loopback, while the block lasts; `report` may be changed meanwhile."""

    def __init__(self, report: Report, port: int = 0) -> None:
        self.report = report
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                now = stand_in.report
                body = json.dumps(describe_report(now, history="history=1" in self.path)).encode()
                self.send_response(503 if now.status == "unhealthy" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> StandIn:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
