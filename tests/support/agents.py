"""The agent as a process, with its own HTTP on a free port of loopback."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from support.nodepulse import NODEPULSE
from support.programs import PATIENCE

_ADDRESS = re.compile(r"http://(\S+)/ shows")


@frozen
class RunningAgent:
    """An agent that runs: its process, its configuration, its log, and where it answers."""

    process: subprocess.Popen[bytes]
    config: Path
    log: Path
    url: str

    def read(self, path: str) -> Any:
        """Return the JSON that a GET answers with; raises urllib's errors."""
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as response:
            return json.load(response)

    def until(self, path: str, true: Any) -> Any:
        """Return the JSON of a GET once something is true of it; fails with the agent's log where it never is."""
        end = time.monotonic() + PATIENCE
        said = None
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                said = self.read(path)
                if true(said):
                    return said
            time.sleep(0.05)
        pytest.fail(f"{path} never was as expected, but {said}; the log: {self.log.read_text()[-3000:]}")


@contextlib.contextmanager
def running_agent(
    home: Path,
    exporters: Mapping[str, str],
    more: str = "",
    *,
    command: Sequence[str] = (),
    destination: str = "http://127.0.0.1:1/in",
) -> Iterator[RunningAgent]:
    """Run an agent that scrapes endpoints by name once a second; `more` is YAML.

    `command` stands before it, as in `prlimit --nofile=128`. It is ended in order: an end other than 0 fails.
    """
    config, log = home / "nodepulse.yml", home / "agent.log"
    listed = [f"  - {{name: {name}, endpoint: '{endpoint}', interval: 1s}}\n" for name, endpoint in exporters.items()]
    api = "" if "api:" in more else "api: {listen: '127.0.0.1:0'}\n"
    config.write_text(
        f"server: {{endpoint: '{destination}'}}\n"
        f"agent: {{state_dir: '{home}', server_id: test-1}}\n"
        "exporters:\n" + "".join(listed) + "buffer: {drain_jitter: 0s, min_free_bytes: 1MiB}\n" + api + more
    )
    with agent_of(config, log, command=command) as agent:
        yield agent


@contextlib.contextmanager
def agent_of(config: Path, log: Path, *, command: Sequence[str] = ()) -> Iterator[RunningAgent]:
    """Run the agent of a configuration, which must have its HTTP on. It is ended in order, as above."""
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            [*command, *NODEPULSE, "--config", str(config), "start"], stdout=output, stderr=output
        )
    try:
        yield RunningAgent(process, config, log, f"http://{await_address(process, log, start)}")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def await_address(process: subprocess.Popen[Any], log: Path, start: int = 0) -> str:
    """Return where an agent answers, once its log says so from a position on; fails with the log otherwise."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if found := _ADDRESS.search(log.read_bytes()[start:].decode()):
            return found[1]
        time.sleep(0.02)
    pytest.fail(f"the agent never listened: {log.read_text()}")
