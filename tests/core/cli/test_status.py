"""`nodepulse status`: how the running agent is, and what waits where there is none."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from support.agents import RunningAgent, running_agent
from support.command import NODEPULSE, Command
from support.programs import free_port
from support.reports import make_report
from support.stand_in import StandIn


def configure(command: Command, more: str = "") -> None:
    """Write a configuration whose agent does not run."""
    api = more or f"api: {{listen: '127.0.0.1:{free_port()}'}}\n"
    command.configure(
        "server: {endpoint: 'http://127.0.0.1:1/in'}\n"
        f"agent: {{state_dir: '{command.home}/state', server_id: test-1}}\n"
        "exporters: [{name: app, endpoint: 'http://127.0.0.1:1/metrics', interval: 1s}]\n" + api
    )


def ask(agent: RunningAgent, *options: str, command: Command) -> subprocess.CompletedProcess[str]:
    """Ask for the status of an agent that runs."""
    return command.run("--config", str(agent.config), "status", "--url", agent.url, *options)


def test_a_running_agent_tells_its_targets(command: Command, exporter: str) -> None:
    """State in shape and word, counts, and the error of what is down; no colour in a pipe; status 1 for it."""
    with running_agent(command.home, {"app": f"{exporter}/metrics", "gone": "http://127.0.0.1:1/"}) as agent:
        agent.until("/health", lambda said: {each["status"] for each in said["exporters"]} == {"running", "failed"})
        shown = ask(agent, command=command)
        assert shown.returncode == 1
        assert "\x1b" not in shown.stdout
        lines = shown.stdout.splitlines()
        assert lines[0].startswith("▲ degraded  nodepulse ")
        assert lines[0].endswith("server_id test-1")
        assert "targets   1 of 2 up" in lines
        header = next(line for line in lines if line.startswith("STATE"))
        assert header.split() == ["STATE", "TARGET", "TYPE", "EVERY", "LAST", "TOOK", "SAMPLES", "ERROR"]
        (up,) = (line for line in lines if line.startswith("● up"))
        (down,) = (line for line in lines if line.startswith("✗ down"))
        assert up.split()[2:5] == ["app", "prometheus", "1s"]
        assert "refused" in down
        assert up.index("prometheus") == down.index("prometheus") == header.index("TYPE")


@pytest.mark.parametrize(("state", "status"), [("healthy", 0), ("degraded", 1), ("unhealthy", 1)])
def test_the_exit_status_tells_whether_all_is_up(command: Command, state: str, status: int) -> None:
    """It is 0 only where all is well; --json is what /health answers, also where that is a 503."""
    with StandIn(make_report(status=state, reasons=("because",))) as agent:
        shown = command.run("status", "--url", agent.url)
        assert shown.returncode == status
        assert "  because\n" in shown.stdout
        found = command.run("status", "--url", agent.url, "--json")
        assert found.returncode == status
        assert json.loads(found.stdout)["exporters"][0]["name"] == "redis_exporter"


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_sees_colour_unless_it_wants_none(
    command: Command, exporter: str, environ: dict[str, str], *, coloured: bool
) -> None:
    """On a terminal the state has its colour; NO_COLOR takes it away and leaves shape and word."""
    with running_agent(command.home, {"app": f"{exporter}/metrics"}) as agent:
        agent.until("/health", lambda said: said["exporters"][0]["status"] == "running")
        mine, terminal = pty.openpty()
        asked = [*NODEPULSE, "--config", str(agent.config), "status", "--url", agent.url]
        process = subprocess.Popen(
            asked, stdout=terminal, stderr=terminal, env={**command.environ, "TERM": "xterm", **environ}
        )
        os.close(terminal)
        said = b""
        try:
            while part := os.read(mine, 65536):
                said += part
        except OSError:  # the other end has been closed
            pass
        os.close(mine)
        assert process.wait(30) in {0, 1}
        assert "● up" in said.decode()
        assert (b"\x1b[32m" in said) is coloured


def test_without_an_agent_the_files_tell_what_waits(command: Command, tmp_path: Path) -> None:
    """Nobody answers: it says so and how to start, with what waits, and status 2."""
    configure(command)
    ended = command.run("status")
    assert ended.returncode == 2
    first, second = ended.stdout.splitlines()
    assert first.startswith("✗ away  no agent answers at http://127.0.0.1:")
    assert first.endswith("start one with: nodepulse start")
    assert second == f"buffer    {command.home}/state/buffer: not there yet"
    entries = tmp_path / "state" / "buffer" / "app"
    entries.mkdir(parents=True)
    (entries / "20260101-000000-test-1.prom").write_text("up 1\n")
    ended = command.run("status")
    assert ended.returncode == 2
    assert f"buffer    {command.home}/state/buffer: 1 waiting" in ended.stdout
    assert "TARGET  WAITING" in ended.stdout
    found = json.loads(command.run("status", "--json").stdout)
    assert (found["status"], found["process"], found["buffer"]["files"]) == ("away", None, 1)


def test_an_agent_that_does_not_listen_is_found_by_its_lock(command: Command) -> None:
    """With `api.enabled: false` its process is named, and that nothing more can be asked."""
    configure(command, "api: {enabled: false}\nbuffer: {min_free_bytes: 1MiB}\n")
    process = command.start("start")
    try:
        assert process.stdout is not None
        next(line for line in process.stdout if "app" in line)
        ended = command.run("status")
        assert ended.returncode == 2
        assert "api.enabled: false" in ended.stdout
        assert f"process   {process.pid} works on the buffer, though" in ended.stdout
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_without_a_configuration_it_says_where_it_looked(command: Command) -> None:
    """It says how to make one, with status 2 where no agent answers; one that was named and is not there is wrong."""
    ended = command.run("status", "--url", "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert "write one with: nodepulse config init" in ended.stderr
    assert command.run("--config", "/nowhere/nodepulse.yml", "status").returncode == 78
    assert command.run("status", "--url", "nonsense").returncode == 2


def test_a_broken_configuration_is_no_hindrance_where_a_url_is_given(command: Command, exporter: str) -> None:
    """The running agent is asked all the same."""
    with running_agent(command.home, {"app": f"{exporter}/metrics"}) as agent:
        agent.until("/health", lambda said: said["exporters"][0]["status"] == "running")
        agent.config.write_text("server: [")
        assert "● up" in ask(agent, command=command).stdout
