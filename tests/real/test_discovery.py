"""Discovery on this machine: real exporters come, go and come back, and nobody names them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.agents import running_agent
from support.nodepulse import NODEPULSE
from support.programs import await_text, free_port, need, running


def test_exporters_are_found_lost_and_found_again(redis_exporter: str, tmp_path: Path) -> None:
    """An agent with nothing but discovery scrapes what answers, drops what has gone, and takes it when it is back."""
    need("prometheus-node-exporter")
    redis, node = urlsplit(redis_exporter).port, free_port()
    source = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{node}"]
    more = f"discovery: {{enabled: true, scan_ports: [{redis}, {node}], scan_interval: 1s}}\n"

    def names(value: dict[str, list[dict[str, str]]]) -> set[str]:
        return {each["name"] for each in value["exporters"] if each["status"] == "running"}

    found, both = f"redis_exporter_{redis}", {f"redis_exporter_{redis}", f"node_exporter_{node}"}
    with running_agent(tmp_path, {}, more) as agent:
        with running(source, tmp_path / "node.log"):
            value = agent.until("/health", lambda value: names(value) == both)
            assert {each["origin"] for each in value["exporters"]} == {"discovery"}
        agent.until("/health", lambda value: [each["name"] for each in value["exporters"]] == [found])
        assert "has not answered for 3 scans; it is gone" in agent.log.read_text()
        with running(source, tmp_path / "node.log"):
            agent.until("/health", lambda value: names(value) == both)


def test_what_the_command_finds_can_be_pasted(node_exporter: str, tmp_path: Path) -> None:
    """`nodepulse discover` writes YAML that is a configuration's exporters, and `--json` the same as objects."""
    port = str(urlsplit(node_exporter).port)
    asked = [*NODEPULSE, "discover", "--ports", port]
    pasted = tmp_path / "nodepulse.yml"
    found = subprocess.run(asked, capture_output=True, check=True, text=True).stdout
    pasted.write_text("server: {endpoint: 'http://localhost/in'}\n" + found)
    checked = subprocess.run([*NODEPULSE, "--config", pasted, "config", "check"], capture_output=True, check=True)
    assert f"node_exporter_{port} (node_exporter)" in checked.stdout.decode()
    listed = json.loads(subprocess.run([*asked, "--json"], capture_output=True, check=True).stdout)
    assert listed == [
        {"name": f"node_exporter_{port}", "type": "node_exporter", "endpoint": f"http://127.0.0.1:{port}/metrics"}
    ]


@pytest.mark.parametrize(("ports", "status"), [("1", 1), ("http", 2), ("0", 2), ("70000", 2)])
def test_nothing_found_and_wrong_ports_are_said(ports: str, status: int) -> None:
    """Where nothing answers the ports are named; what is no port is refused."""
    asked = subprocess.run([*NODEPULSE, "discover", "--ports", ports], capture_output=True, text=True, check=False)
    assert asked.returncode == status
    assert ("looked at ports: 1" if status == 1 else "is no port") in asked.stderr


def test_a_configuration_is_written_from_what_is_found(tmp_path: Path) -> None:
    """`config init --from-discovery` writes nothing where nothing answers, and says where it looked."""
    path = tmp_path / "nodepulse.yml"
    asked = [*NODEPULSE, "config", "init", "--from-discovery", str(path)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode == 0:  # an exporter happens to run on this machine
        assert "endpoint" in path.read_text()
    else:
        assert "nothing answers as an exporter on this machine, at ports" in done.stderr
        assert not path.exists()


def test_the_page_of_the_agent_itself_is_never_a_target(tmp_path: Path) -> None:
    """An agent that looks at its own port finds nothing there."""
    port = free_port()
    more = (
        f"api: {{listen: '127.0.0.1:{port}'}}\ndiscovery: {{enabled: true, scan_ports: [{port}], scan_interval: 1s}}\n"
    )
    with running_agent(tmp_path, {}, more) as agent:
        await_text(f"{agent.url}/health", contains='"exporters":[]', log=agent.log)
        agent.until("/health", lambda value: value["late_seconds"] is not None)
        assert "found " not in agent.log.read_text()
