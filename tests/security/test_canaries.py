"""Secrets stay where they belong: a configuration with a canary in every place that can hold one, and all that is said.

Every command is run, with targets and a dashboard that fail and say back what they were sent, at level debug. No canary
is in anything that was written, but for the files that hold it.
"""

from __future__ import annotations

import contextlib
import json
import signal
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from attrs import frozen
from nodepulse_core.config import load_settings, make_targets
from nodepulse_core.plugins import PluginHost, Registry
from support.agents import await_address
from support.certificates import SecureServer, secure_server, write_pair
from support.command import Command
from support.nodepulse import await_logged
from support.programs import PATIENCE, free_port

MARK = "canary"
WRONG = 78
ENVIRON = {"APP_PASSWORD": "canary-environ", "APP_QUERY": "canary-environ-query", "PGPASSWORD": "canary-pgpassword"}


@frozen
class World:
    """A home with a configuration full of canaries, and what answers what is in it."""

    command: Command
    config: Path
    dashboard: SecureServer
    app: SecureServer
    places: tuple[Path, ...]
    """The files that hold canaries on purpose."""

    def run(self, *arguments: str) -> str:
        """Return all that a command says."""
        ended = self.command.run("--config", str(self.config), *arguments, environ=ENVIRON)
        return ended.stdout + ended.stderr

    @property
    def state(self) -> Path:
        """Where the agent keeps its state."""
        return self.command.home / "state"

    def write(self, change: Callable[[str], str] = lambda text: text) -> None:
        """Write the configuration, changed."""
        self.config.write_text(change(self._text()))
        self.config.chmod(0o600)

    def _text(self) -> str:
        closed = free_port()
        home = self.command.home
        return f"""
server:
  endpoint: "http://localhost:{self.dashboard.port}/in?key=canary-dashboard-query"
  headers: {{X-Key: canary-dashboard-header}}
  bearer_token_file: {home}/dashboard-token
agent: {{state_dir: {self.state}, server_id: test-1}}
exporters:
  - {{name: app, endpoint: "http://localhost:{self.app.port}/metrics?key=canary-app-query", interval: 1s,
     headers: {{X-Key: canary-app-header, Cookie: canary-cookie}}, bearer_token_file: {home}/app-token}}
  - {{name: basic, endpoint: "http://localhost:{closed}/?a=${{APP_QUERY}}&b=canary-basic-query", interval: 1s,
     basic_auth: {{username: u, password: canary-basic}}}}
  - {{name: environ, endpoint: "http://localhost:{self.dashboard.port}/metrics?key=canary-environ-query", interval: 1s,
     basic_auth: {{username: u, password: "${{APP_PASSWORD}}"}}}}
  - {{name: file, endpoint: "http://localhost:{closed}/", interval: 1s,
     basic_auth: {{username: u, password_file: {home}/app-password}}}}
  - {{name: broken, endpoint: "http://localhost:{closed}/", interval: 1s, bearer_token_file: {home}/broken-token}}
  - {{name: secure, endpoint: "https://localhost:{self.app.port}/?k=canary-secure-query", interval: 1s,
     tls: {{cert_file: {home}/client.pem, key_file: {home}/client.key}}}}
  - {{name: redis_exporter, endpoint: "redis://localhost:{self.app.port}", interval: 1s,
     basic_auth: {{username: u, password: canary-redis}}}}
  - {{name: postgres_exporter, endpoint: "postgresql://localhost:{self.app.port}/db", interval: 1s,
     basic_auth: {{username: u, password: canary-postgres}}}}
api: {{listen: "127.0.0.1:{free_port()}", token_file: {home}/api-token}}
buffer: {{drain_jitter: 0s, min_free_bytes: 1MiB}}
logging: {{level: debug, output: both, file: {{path: {self.state}/agent.log}}}}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Make one."""
    secrets = {
        "dashboard-token": "canary-dashboard-token",
        "app-token": "canary-app-token",
        "app-password": "canary-app-password",
        "api-token": "canary-api-token-0123456789",
        "broken-token": "canary-broken\ncanary-broken-too",
    }
    for name, content in secrets.items():
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(content)
    cert, key = write_pair(trustme.CA().issue_cert("client.example"), tmp_path, "client")
    key.write_text(key.read_text() + "canary-key\n")

    def quote(path: str, headers: dict[str, str]) -> bytes:
        return f"refused: {path} {headers}".encode()

    with secure_server(None) as dashboard, secure_server(None) as app:
        dashboard.status, dashboard.answer = 401, quote
        places = (*(tmp_path / name for name in secrets), key, cert, tmp_path / "nodepulse.yml")
        made = World(Command(tmp_path), tmp_path / "nodepulse.yml", dashboard, app, places)
        made.write()
        yield made


def assert_no_canary(said: dict[str, str]) -> None:
    """Fail with every line that has one, and where that was said."""
    found = [f"{where}: {line}" for where, text in said.items() for line in text.splitlines() if MARK in line.lower()]
    assert found == []


def test_no_command_says_a_secret(world: World) -> None:
    """Commands that run to their end, those that fail included."""
    names = ("app", "basic", "environ", "file", "broken", "secure", "redis_exporter", "postgres_exporter")
    commands = [
        *(("config", "check"), ("config", "show"), ("config", "show", "--json"), ("config", "migrate")),
        *(("plugins", "list", "--load"), ("buffer", "ls"), ("buffer", "stat"), ("status",), ("exporters", "list")),
        *(("scrape", name, "--raw") for name in names),
    ]
    assert_no_canary({" ".join(command): world.run(*command) for command in commands})
    assert world.app.asked[0][1]["Authorization"] == "Bearer canary-app-token", "the secrets are used, all the same"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("X-Key: canary-dashboard-header", "X-Key: [canary-list]"),
        ("X-Key: canary-dashboard-header", '"X-Key\\n": canary-value'),
        ("{X-Key: canary-dashboard-header}", "canary-text"),
        ("{X-Key: canary-dashboard-header}", '{X-Key: "canary\\nline"}'),
        ("password: canary-basic", "password: {canary-basic: canary-too}"),
        ("password: canary-basic", "password: canary-basic, password_file: /etc/none"),
        ("http://localhost", "http://user:canary@localhost"),
        ("http://localhost", "http://canary@localhost"),
        ("http://localhost", "ftp://localhost"),
        ("http://localhost", "http://local host"),
        ("http://localhost", "http://localhost:port"),
        ("postgresql://localhost", "postgresql://u:canary@localhost"),
        ("/db", "/db?password=canary"),
        ("/db", "/db?sslpassword=canary"),
        ("redis://localhost", "redis://:canary@localhost"),
        ("redis://localhost", "redis://localhost/?password=canary#canary"),
        ("{HOME}/app-token", '"${APP_PASSWORD}"'),
        ("{HOME}/client.key", '"${APP_PASSWORD}"'),
        ("{HOME}/client.key", "{HOME}/app-token"),
        ("state_dir:", "state: canary, state_dir:"),
    ],
)
def test_no_error_says_a_secret(right: str, wrong: str, world: World) -> None:
    """A wrong configuration is told of without what may be a secret in it, and so is a target that cannot be had."""
    home = str(world.command.home)
    right, wrong = right.replace("{HOME}", home), wrong.replace("{HOME}", home)
    world.write(lambda text: text.replace(right, wrong))
    commands = [("config", "check"), ("config", "show"), ("status",), ("scrape", "postgres_exporter")]
    if world.command.run("--config", str(world.config), "config", "check", environ=ENVIRON).returncode == WRONG:
        commands.append(("start",))  # which any other configuration would not end
    assert_no_canary({" ".join(command): world.run(*command) for command in commands})


@contextlib.contextmanager
def running(world: World) -> Iterator[tuple[str, Path]]:
    """Run the agent; give its URL and where it writes to."""
    output = world.command.home / "output"
    with output.open("wb") as stream:
        process = world.command.start(
            "--config", str(world.config), "start", stdout=stream, stderr=stream, env=world.command.environ | ENVIRON
        )
    try:
        yield f"http://{await_address(process, output)}", output
        process.send_signal(signal.SIGHUP)
        await_logged(output, "reloaded: ")
        world.write(lambda text: text.replace("interval: 1s", "intervall: canary-value"))
        process.send_signal(signal.SIGHUP)
        await_logged(output, "was not reloaded")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, output.read_text()
    finally:
        process.kill()
        process.wait()


def test_no_log_page_or_file_of_the_agent_holds_a_secret(world: World) -> None:
    """What runs, is asked everything, is reloaded, and ends, has written no secret but to the file of added targets."""
    said: dict[str, str] = {}
    with running(world) as (url, output):
        for name in ("basic", "environ", "file", "broken", "secure", "redis_exporter", "postgres_exporter", "delivery"):
            await_logged(output, f"{name}: ")
        added = {
            "name": "added",
            "endpoint": f"http://localhost:{free_port()}/?k=canary-added-query",
            "headers": {"X-Key": "canary-added"},
            "basic_auth": {"username": "u", "password": "canary-added-password"},
        }
        for path in ("/api/exporters", "/api/exporters?force=1", "/api/exporters?force=1"):
            said[f"POST {path}"] = ask(url + path, added)
        until_failed(url, "added")
        pages = ("/", "/targets/app/last", "/none")
        for path in ("/health", "/live", "/ready", "/metrics", "/api/exporters", "/api/exporters/app", *pages):
            said[path] = ask(url + path)
        for command in (("status",), ("exporters", "list"), ("exporters", "remove", "app")):
            said[" ".join(command)] = world.run(*command)
    kept = world.state / "targets.json"
    assert "canary-added-password" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    for path in world.command.home.rglob("*"):
        if path.is_file() and path not in {*world.places, kept} and "site" not in path.parts:
            said[str(path)] = path.read_text(errors="replace")
    assert any(path.endswith(".prom") for path in said)
    assert "up 1" in said["/targets/app/last"]
    assert_no_canary(said)
    assert any("canary-dashboard-query" in path for path, _ in world.dashboard.asked)


def test_no_repr_holds_a_secret(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a traceback, a debugger or a plugin's log may print of settings and targets is without secrets."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    loaded = load_settings(world.config, ENVIRON)
    registry = Registry(PluginHost())
    targets = make_targets(loaded, registry.names(), registry.load)
    assert len(targets.targets) == 8
    destination = loaded.settings.server.destination()
    assert_no_canary({"reprs": repr((loaded, loaded.settings, targets, destination))})


def ask(url: str, body: object = None) -> str:
    """Return all of an answer, whatever its status."""
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return f"{response.headers}{response.read().decode()}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.headers}{error.read().decode()}"


def until_failed(url: str, name: str) -> None:
    """Wait until a target has failed."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        health = json.loads(ask(f"{url}/api/exporters").partition("\n\n")[2])
        rows = health if isinstance(health, list) else health["exporters"]
        if any(row["name"] == name and row["last_error"] for row in rows):
            return
        time.sleep(0.05)
    pytest.fail(f"{name} never failed")
