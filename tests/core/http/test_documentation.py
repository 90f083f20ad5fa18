"""docs/api.md: its examples work as they stand, and no route is left out."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.agents import running_agent
from support.pages import Stage
from support.programs import need

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
EXAMPLE = re.compile(r"^\$ (curl .*?)\s+# (\d{3})$", re.MULTILINE)


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Give the URL of the custom application of the examples."""

    class Application(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"up 1\n")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Application) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_examples_work_as_they_stand(tmp_path: Path, endpoint: str) -> None:
    """Each is typed into a shell, in order, and gets the status that is written beside it."""
    need("curl")
    examples = EXAMPLE.findall(PAGE)
    assert len(examples) == PAGE.count("\n$ ") > 10
    with running_agent(tmp_path, {"nodepulse_agent": "agent:"}) as agent:
        for command, status in examples:
            here = agent.url.replace("127.0.0.1", "localhost")
            typed = command.replace("http://localhost:8088", here).replace("http://localhost:8080", endpoint)
            asked = ["sh", "-c", f"{typed} --silent --output /dev/null --write-out '%{{http_code}}'"]
            answered = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            assert (command, answered) == (command, status)


def test_every_route_is_described() -> None:
    """The table holds each method of each route that answers programs."""
    app = Stage().app()
    described = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", PAGE, re.MULTILINE))
    routes = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    served = {f"{method} {path}" for method, path in routes if method != "HEAD"}
    for_programs = {each for each in served if re.search(r" /(api|health|live|ready|metrics)\b", each)}
    assert for_programs <= described <= served
