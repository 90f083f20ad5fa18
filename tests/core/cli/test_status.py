"""`nodepulse status`: whether an agent runs, and what waits."""

from __future__ import annotations

import signal
import time

from support.command import Command
from support.programs import free_port


def configure(command: Command, exporter: str = "http://127.0.0.1:1") -> None:
    """Write a configuration whose dashboard is not there."""
    command.configure(
        f"server: {{endpoint: 'http://127.0.0.1:1/in'}}\n"
        f"agent: {{state_dir: '{command.home}/state'}}\n"
        f"api: {{listen: '127.0.0.1:{free_port()}'}}\n"
        f"exporters: [{{name: app, endpoint: '{exporter}/metrics', interval: 1s}}]\n"
        f"buffer: {{min_free_bytes: 1MiB, drain_jitter: 0s}}\n"
    )


def test_before_the_first_start_there_is_nothing(command: Command) -> None:
    """Without an agent and a buffer it says both, with status 1."""
    configure(command)
    ended = command.run("status")
    assert ended.returncode == 1
    assert ended.stdout == f"not running\nbuffer   {command.home}/state/buffer: not there yet\n"


def test_a_running_agent_is_named_with_what_waits(command: Command, exporter: str) -> None:
    """While it runs the status is 0, with its process and each target; afterwards what waits is still told."""
    configure(command, exporter)
    process = command.start("start")
    try:
        end = time.monotonic() + 30
        while "app " not in (shown := command.run("status")).stdout:
            assert time.monotonic() < end, shown
        assert shown.returncode == 0
        assert shown.stdout.startswith(f"running  process {process.pid}\n")
        assert "TARGET  WAITING" in shown.stdout
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    ended = command.run("status")
    assert ended.returncode == 1
    assert ended.stdout.startswith("not running\n")
    assert " entries wait" in ended.stdout


def test_without_a_configuration_it_says_where_it_looked(command: Command) -> None:
    """It needs a configuration, and says how to make one, with status 78."""
    ended = command.run("status")
    assert ended.returncode == 78
    assert "write one with: nodepulse config init" in ended.stderr
