"""`/api/exporters` and `/api/reload` of an agent that runs, as curl calls them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core.http import Address, listening
from support.agents import RunningAgent, running_agent
from support.pages import Stage
from support.programs import need
from support.wire import ask


class Exporter(BaseHTTPRequestHandler):
    """Answers /metrics at once, and /hang when it is told to."""

    released = threading.Event()
    hanging = threading.Semaphore(0)

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/hang":
            Exporter.hanging.release()
            Exporter.released.wait(20)
        body = b"# TYPE up gauge\nup 1\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def exporter() -> Iterator[str]:
    """Give the URL of an exporter."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Exporter) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def agent(tmp_path: Path, exporter: str) -> Iterator[RunningAgent]:
    """Give a running agent with one declared target."""
    with running_agent(tmp_path, {"declared": f"{exporter}/metrics"}) as agent:
        yield agent


def curl(*arguments: str) -> tuple[int, Any]:
    """Return the status and the JSON that curl gets, None where there is no body."""
    need("curl")
    command = ["curl", "--silent", "--max-time", "30", "--write-out", "\n%{http_code}", *arguments]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return int(status), json.loads(body) if body else None


def add(agent: RunningAgent, target: object, query: str = "") -> tuple[int, Any]:
    """Add a target as the documentation says it, with a name of the host that may stand for ::1 first."""
    url = agent.url.replace("127.0.0.1", "localhost")
    body = target if isinstance(target, str) else json.dumps(target)
    return curl("-X", "POST", f"{url}/api/exporters{query}", "-d", body)


def names(agent: RunningAgent) -> list[str]:
    """Return the names of all targets."""
    return [each["name"] for each in agent.read("/api/exporters")["exporters"]]


def test_a_target_is_added_listed_scraped_and_removed(agent: RunningAgent, exporter: str) -> None:
    """POST gives 201 and the target, which is then scraped; DELETE gives 204, and it is not scraped any more."""
    status, made = add(agent, {"name": "custom_app", "endpoint": f"{exporter}/metrics", "interval": "1s"})
    assert status == 201
    wanted = {"name": "custom_app", "type": "prometheus", "interval": "1s", "origin": "api"}
    assert wanted.items() <= made.items()
    assert names(agent) == ["custom_app", "declared"]
    agent.until("/api/exporters/custom_app", lambda each: each["status"] == "running" and each["samples"] >= 2)
    assert curl("-X", "DELETE", f"{agent.url}/api/exporters/custom_app") == (204, None)
    assert names(agent) == ["declared"]
    assert "custom_app" not in [each["name"] for each in agent.read("/health")["exporters"]]


def test_wrong_targets_are_refused_with_every_reason(agent: RunningAgent) -> None:
    """400 names each key that is wrong, and what would be right; nothing is added."""
    status, said = add(agent, {"name": "Custom", "endpoint": "localhost:1", "interval": "0s", "intervall": "1s"})
    assert status == 400
    assert [problem.partition(":")[0] for problem in said["problems"]] == ["name", "endpoint", "interval", "intervall"]
    assert "did you mean 'interval'?" in said["problems"][3]
    assert names(agent) == ["declared"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body is empty"),
        ("name=custom_app", "the body is no JSON"),
        ("[" * 60_000, "nested too deeply"),
        ('{"name": "a", "name": "b"}', "these keys stand in it twice: name"),
        ("[]", "the target is not added"),
        ("NaN", "the target is not added"),
        ('{"name": null}', "the target is not added"),
        ('{"name": "\\ud800"}', "the target is not added"),
    ],
)
def test_a_body_that_is_no_target_is_refused(body: str, reason: str, agent: RunningAgent) -> None:
    """400 with a reason, and an example where there is no target at all."""
    status, said = add(agent, body)
    assert status == 400
    assert reason in said["error"]
    assert names(agent) == ["declared"]


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://0xa9fea9fe/", "link-local"),
        ("http://2852039166/", "link-local"),
        ("http://0251.0376.0251.0376/", "link-local"),
        ("http://[::ffff:169.254.169.254]/", "link-local"),
        ("http://[fe80::1]/", "link-local"),
        ("http://0/", "unspecified"),
        ("http://[::]/", "unspecified"),
        ("http://224.0.0.1/", "multicast"),
        ("http://192.0.2.1:9100/metrics", "allow it with api.allow_targets"),
    ],
)
def test_a_target_elsewhere_is_refused(endpoint: str, reason: str, agent: RunningAgent) -> None:
    """However its address is written, one that is not on this machine is refused, and no force helps."""
    status, said = add(agent, {"name": "elsewhere", "endpoint": endpoint}, "?force=1")
    assert status == 400
    assert reason in said["problems"][0]
    assert names(agent) == ["declared"]


def test_a_taken_name_is_a_conflict(agent: RunningAgent, exporter: str) -> None:
    """409, and whose it is."""
    status, said = add(agent, {"name": "declared", "endpoint": f"{exporter}/metrics"})
    assert (status, said["error"]) == (
        409,
        "the target is not added: the name 'declared' is taken by a target from the configuration file",
    )


def test_a_target_that_does_not_answer_is_added_by_force_alone(agent: RunningAgent) -> None:
    """422 with the reason; with ?force=1 it is added all the same, and fails at its slots."""
    target = {"name": "dead", "endpoint": "http://localhost:1/metrics", "interval": "1s"}
    status, said = add(agent, target)
    assert status == 422
    assert "connection refused" in said["error"]
    assert "?force=1 adds it all the same" in said["error"]
    assert names(agent) == ["declared"]
    assert add(agent, target, "?force=0")[0] == 422
    assert add(agent, target, "?force=1")[0] == 201
    agent.until("/api/exporters/dead", lambda each: each["status"] == "failed")


def test_what_the_file_declares_is_not_removed(agent: RunningAgent) -> None:
    """409 with what to do; a name that nothing has is 404, with those that there are."""
    status, said = curl("-X", "DELETE", f"{agent.url}/api/exporters/declared")
    assert (status, said["error"]) == (
        409,
        "declared is declared in the configuration file; remove it there, then reload",
    )
    status, said = curl("-X", "DELETE", f"{agent.url}/api/exporters/nothing")
    assert (status, said["error"]) == (404, "there is no target 'nothing'; there are: declared")
    assert curl(f"{agent.url}/api/exporters/nothing")[0] == 404


def test_a_hanging_probe_holds_up_nobody(agent: RunningAgent, exporter: str) -> None:
    """While one caller's first scrape hangs, others add, read, remove and reload."""
    Exporter.released.clear()
    hanging = {"name": "slow", "endpoint": f"{exporter}/hang", "interval": "30s", "timeout": "20s"}
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(add, agent, hanging)
        assert Exporter.hanging.acquire(timeout=20)
        assert add(agent, {"name": "quick", "endpoint": f"{exporter}/metrics", "interval": "1s"})[0] == 201
        assert curl("-X", "POST", f"{agent.url}/api/reload")[0] == 200
        assert curl("-X", "DELETE", f"{agent.url}/api/exporters/quick")[0] == 204
        assert names(agent) == ["declared"]
        assert not slow.done()
        Exporter.released.set()
        assert slow.result(20)[0] == 201


def test_of_two_that_add_one_name_one_wins(agent: RunningAgent, exporter: str) -> None:
    """Both first scrapes go well at the same time: one caller gets 201, the other 409."""
    Exporter.released.clear()
    target = {"name": "slow", "endpoint": f"{exporter}/hang", "interval": "30s", "timeout": "20s"}
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(add, agent, target) for _ in range(2)]
        for _ in both:
            assert Exporter.hanging.acquire(timeout=20)
        Exporter.released.set()
        assert sorted(each.result(20)[0] for each in both) == [201, 409]
    assert names(agent) == ["declared", "slow"]


def test_what_was_added_survives_a_restart(tmp_path: Path, exporter: str) -> None:
    """It is scraped again after SIGTERM and a new start; what was removed is not."""
    declared = {"declared": f"{exporter}/metrics"}
    with running_agent(tmp_path, declared) as agent:
        for name in ("kept", "gone"):
            assert add(agent, {"name": name, "endpoint": f"{exporter}/metrics", "interval": "1s"})[0] == 201
        assert curl("-X", "DELETE", f"{agent.url}/api/exporters/gone")[0] == 204
    with running_agent(tmp_path, declared) as agent:
        agent.until("/api/exporters", lambda said: [each["name"] for each in said["exporters"]] == ["declared", "kept"])
        agent.until("/api/exporters/kept", lambda each: each["status"] == "running")


def test_a_kept_target_that_is_no_good_is_a_warning(tmp_path: Path, exporter: str) -> None:
    """One whose exporter is gone is said and left out; the agent starts, and keeps it for the next time."""
    kept = tmp_path / "targets.json"
    kept.write_text('[{"name": "orders", "type": "gone_exporter"}]')
    with running_agent(tmp_path, {"declared": f"{exporter}/metrics"}) as agent:
        agent.until("/api/exporters", lambda said: [each["name"] for each in said["exporters"]] == ["declared"])
        assert add(agent, {"name": "more", "endpoint": f"{exporter}/metrics"})[0] == 201
    assert "orders" in kept.read_text()
    assert "the target orders, added at run time, is not scraped" in agent.log.read_text()
    assert "no exporter 'gone_exporter' is installed" in agent.log.read_text()


def test_a_reload_says_what_it_changed(agent: RunningAgent, exporter: str) -> None:
    """POST /api/reload answers with what was added, changed and removed, as the log says it."""
    text = agent.config.read_text().replace("interval: 1s", "interval: 2s")
    more = f"  - {{name: second, endpoint: '{exporter}/metrics', interval: 1s}}\n"
    agent.config.write_text(text.replace("exporters:\n", f"exporters:\n{more}"))
    status, said = curl("-X", "POST", f"{agent.url}/api/reload")
    assert status == 200
    assert said["added"] == ["second"]
    assert said["changed"] == {"declared": "interval 1s→2s, timeout 1s→2s"}
    assert (said["removed"], said["unchanged"]) == ([], [])


def test_a_reload_of_a_wrong_file_changes_nothing(agent: RunningAgent) -> None:
    """400 with every problem and its place; what ran goes on."""
    agent.config.write_text(agent.config.read_text() + "agnt: {}\n")
    status, said = curl("-X", "POST", f"{agent.url}/api/reload")
    assert status == 400
    (problem,) = said["problems"]
    assert problem.startswith(f"{agent.config}:")
    assert "did you mean 'agent'?" in problem
    assert agent.read("/health")["exporters"][0]["name"] == "declared"


def test_a_body_that_is_too_large_is_refused(agent: RunningAgent) -> None:
    """64 KiB are looked at, one byte more is not; the answer says so."""
    assert add(agent, "x" * 64 * 1024)[0] == 400
    status, said = add(agent, "x" * (64 * 1024 + 1))
    assert status == 413
    assert said["error"] == "the body is larger than 64KiB, which is all that is read"


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body in drops gets 408 after its time, and its connection is closed."""
    monkeypatch.setattr("nodepulse_core.http.exporters.BODY_SECONDS", 0.3)
    async with listening(Stage().app(), Address("127.0.0.1", 0)) as address:
        head = b"POST /api/exporters HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        assert b" 408 " in await ask((address.host, address.port), [head, *[b"x"] * 100], pause=0.01)


def test_unknown_places_and_methods_are_answered_with_the_known_ones(agent: RunningAgent) -> None:
    """404 lists the routes, 405 the methods, as JSON."""
    status, said = curl(f"{agent.url}/metrix")
    assert status == 404
    assert "/api/exporters/{name}" in said["error"]
    status, said = curl("-X", "PATCH", f"{agent.url}/api/exporters")
    assert (status, said["error"]) == (405, "PATCH is not allowed here; use GET, HEAD, POST")
    assert curl("-X", "OPTIONS", f"{agent.url}/api/exporters")[0] == 405


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")
def test_another_user_may_look_and_not_touch(agent: RunningAgent, exporter: str) -> None:
    """Curl as another user reads, and gets 403 with the reason where it would change."""
    as_other = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "curl", "--silent"]
    need("setpriv", "curl")
    body = json.dumps({"name": "custom_app", "endpoint": f"{exporter}/metrics"})
    ask = [*as_other, f"{agent.url}/api/exporters"]
    assert "declared" in subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    said = subprocess.run([*ask, "-d", body], capture_output=True, text=True, check=True).stdout
    assert "a change by user 12345, neither root nor the agent's own user 0, needs a token" in json.loads(said)["error"]
    assert names(agent) == ["declared"]
