"""`nodepulse discover`: which ports are looked at."""

from __future__ import annotations

import json

import pytest
from support.command import Command
from support.programs import free_port


@pytest.fixture
def port(exporter: str) -> int:
    """Give the port of an exporter that runs."""
    return int(exporter.rpartition(":")[2])


def found(command: Command, *arguments: str) -> list[int]:
    """Return the ports at which it finds something."""
    said = json.loads(command.run("discover", "--json", *arguments).stdout)
    return [int(each["endpoint"].rpartition(":")[2].partition("/")[0]) for each in said]


def configure(command: Command, ports: list[int], own: int) -> None:
    """Write a configuration that searches these ports, and listens at its own."""
    command.configure(
        "server: {endpoint: 'http://127.0.0.1:1/in'}\n"
        f"discovery: {{enabled: true, scan_ports: {ports}}}\napi: {{listen: '127.0.0.1:{own}'}}\n"
    )


def test_the_configured_ports_are_looked_at(command: Command, port: int) -> None:
    """Without --ports it looks where the agent would look; --ports says otherwise."""
    configure(command, [port], free_port())
    assert found(command) == [port]
    configure(command, [free_port()], free_port())
    assert found(command) == []
    assert found(command, "--ports", str(port)) == [port]


def test_the_agents_own_port_is_left_out(command: Command, port: int) -> None:
    """What answers there is the agent itself, which is no target."""
    configure(command, [port], own=port)
    ended = command.run("discover", "--json")
    assert (ended.returncode, ended.stdout) == (1, "[]\n")


def test_a_wrong_configuration_is_no_hindrance(command: Command, port: int) -> None:
    """One may look round before anything is configured rightly."""
    command.configure("server: [")
    assert found(command, "--ports", str(port)) == [port]
