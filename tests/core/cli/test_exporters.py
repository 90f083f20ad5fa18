"""`nodepulse exporters`, against agents that run, and none."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.agents import RunningAgent, running_agent
from support.nodepulse import NODEPULSE
from support.programs import free_port


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RunningAgent]:
    """Give an agent that scrapes itself, at an address that its configuration names."""
    api = f"api: {{listen: '127.0.0.1:{free_port()}'}}\n"
    with running_agent(tmp_path, {"nodepulse_agent": "agent:"}, api) as agent:
        yield agent


def run(agent: RunningAgent | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand with an agent's configuration."""
    config = agent if isinstance(agent, Path) else agent.config
    command = [*NODEPULSE, "--config", str(config), "exporters", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_targets_come_and_go(agent: RunningAgent) -> None:
    """What is added is listed, and gone once it is removed; both are said."""
    endpoint = "agent:"
    made = run(agent, "add", "second", "--type", "nodepulse_agent", "--endpoint", endpoint, "--interval", "1m30s")
    assert (made.returncode, made.stdout, made.stderr) == (0, "second is scraped every 1m30s from agent:\n", "")
    listed = run(agent, "list")
    head, first, second = listed.stdout.splitlines()
    assert head.split()[:6] == ["NAME", "TYPE", "STATUS", "EVERY", "FROM", "ENDPOINT"]
    assert first.split()[:6] == ["nodepulse_agent", "nodepulse_agent", "running", "1s", "file", "agent:"]
    assert second.split()[0] == "second"
    assert "api" in second.split()
    (_, shown) = json.loads(run(agent, "list", "--json").stdout)
    assert (shown["name"], shown["interval"]) == ("second", "1m30s")
    gone = run(agent, "remove", "second")
    assert (gone.returncode, gone.stdout) == (0, "second is not scraped any more\n")
    assert "second" not in run(agent, "list").stdout


def test_every_reason_is_said(agent: RunningAgent) -> None:
    """A wrong target, one that does not answer, a taken and an unknown name: status 1, one reason a line."""
    wrong = run(agent, "add", "Second", "--endpoint", "localhost:1", "--interval", "0s")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    lines = wrong.stderr.splitlines()
    assert lines[0] == "nodepulse: the target is not added"
    assert [line.strip().partition(":")[0] for line in lines[1:]] == ["name", "endpoint", "interval"]
    dead = run(agent, "add", "dead", "--endpoint", "http://localhost:1/metrics")
    assert dead.returncode == 1
    assert "connection refused" in dead.stderr
    assert run(agent, "add", "dead", "--endpoint", "http://localhost:1/metrics", "--force").returncode == 0
    assert (
        "taken by a target from the API"
        in run(agent, "add", "dead").stderr
        + run(agent, "add", "dead", "--endpoint", "http://localhost:1/metrics").stderr
    )
    assert "reload" in run(agent, "remove", "nodepulse_agent").stderr
    unknown = run(agent, "remove", "no/such?name")
    assert unknown.returncode == 1
    assert "Traceback" not in unknown.stderr


def test_without_an_agent_it_says_how_to_start_one(tmp_path: Path) -> None:
    """Status 1, where it was looked for, and the command that starts one."""
    config = tmp_path / "nodepulse.yml"
    port = free_port()
    config.write_text(
        "server: {endpoint: 'http://localhost/in'}\nexporters: [{name: nodepulse_agent}]\n"
        f"api: {{listen: '127.0.0.1:{port}'}}\n"
    )
    listed = run(config, "list")
    assert (listed.returncode, listed.stdout) == (1, "")
    assert listed.stderr == (
        f"nodepulse: no agent answers at http://127.0.0.1:{port}: connection refused; start one with: nodepulse start\n"
    )
    config.write_text(config.read_text().replace("{listen", "{enabled: false, listen"))
    assert "api.enabled: false" in run(config, "list").stderr


@pytest.mark.parametrize(
    "url", ["localhost:8088", "https://localhost:8088", "http://", "http://localhost:0", "http://a/b"]
)
def test_a_url_of_no_agent_is_wrong_usage(url: str, tmp_path: Path) -> None:
    """Status 2, and how it is written."""
    asked = run(tmp_path / "nodepulse.yml", "--url", url, "list")
    assert (asked.returncode, "write it like http://127.0.0.1:8088" in asked.stderr) == (2, True)


def test_a_url_is_asked_without_a_configuration(agent: RunningAgent, tmp_path: Path) -> None:
    """Where there is no configuration at all, `--url` is enough."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environ = {**os.environ, "HOME": str(elsewhere)}
    command = [*NODEPULSE, "exporters", "--url", agent.url, "list"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=elsewhere, env=environ)
    assert (asked.returncode, "nodepulse_agent" in asked.stdout) == (0, True), asked.stderr


@pytest.mark.parametrize("command", ["list", "add", "remove"])
def test_help_needs_no_configuration(command: str, tmp_path: Path) -> None:
    """What a command does is told before there is an agent, or anything that names one."""
    asked = [*NODEPULSE, "exporters", command, "--help"]
    environ = {**os.environ, "HOME": str(tmp_path)}
    told = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path, env=environ)
    assert (told.returncode, told.stdout.startswith("Usage: ")) == (0, True), told.stderr


def test_the_token_of_the_configuration_is_shown(tmp_path: Path) -> None:
    """An agent that knows a token is asked with it, and a wrong one is refused."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    token.chmod(0o600)
    api = f"api: {{listen: '127.0.0.1:{free_port()}', token_file: '{token}'}}\n"
    with running_agent(tmp_path, {"nodepulse_agent": "agent:"}, api) as agent:
        assert run(agent, "list").returncode == 0
        other = tmp_path / "other.yml"
        wrong = tmp_path / "wrong"
        wrong.write_text("fedcba9876543210")
        wrong.chmod(0o600)
        other.write_text(agent.config.read_text().replace(str(token), str(wrong)))
        refused = run(other, "list")
        assert (refused.returncode, refused.stderr) == (1, "nodepulse: this is not the token of api.token_file\n")
