"""An agent as an operator runs it: a process of its own, with its configuration and all its state in one folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

Targets = Mapping[str, str | Mapping[str, Any]]
"""Settings, or just the endpoint, by the target's name."""

_PATIENCE = 30.0
_PAUSE = 0.05


@frozen
class RunningAgent:
    """An agent's process, its configuration and its log."""

    process: subprocess.Popen[bytes]
    config: Path
    log: Path

    def wait_for_log(self, text: str, seconds: float = _PATIENCE) -> str:
        """Return the log once it has a text; raises AssertionError with the log where it never does."""
        end = time.monotonic() + seconds
        while text not in (said := self.log.read_text(errors="replace")):
            if time.monotonic() >= end or self.process.poll() is not None:
                raise AssertionError(f"the agent never logged {text!r}; its log:\n{said[-3000:]}")
            time.sleep(_PAUSE)
        return said


def write_config(home: Path, exporters: Targets, destination: str, more: str = "") -> Path:
    """Write a configuration that scrapes once a second and delivers at once; return its path.

    `more` is YAML that follows.
    """
    given = [{"endpoint": each} if isinstance(each, str) else dict(each) for each in exporters.values()]
    targets = [{"name": name, "interval": "1s", **settings} for name, settings in zip(exporters, given, strict=True)]
    sections = {
        "server": {"endpoint": destination},
        "agent": {"state_dir": str(home), "server_id": "test-1"},
        "exporters": targets,
        "buffer": {"drain_jitter": "0s", "min_free_bytes": "1MiB"},
        "api": {"enabled": False},
    }
    path = home / "nodepulse.yml"
    # JSON is YAML too, and quotes what has to be quoted.
    path.write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in sections.items()) + more)
    return path


@contextmanager
def running_agent(home: Path, exporters: Targets, destination: str, more: str = "") -> Iterator[RunningAgent]:
    """Run an agent until the block ends; see `write_config`. Raises AssertionError where it ends badly."""
    config = write_config(home, exporters, destination, more)
    log = home / "agent.log"
    command = [sys.executable, "-m", "nodepulse_core", "--config", str(config), "start"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603 - our own command
    try:
        yield RunningAgent(process, config, log)
        process.send_signal(signal.SIGTERM)
        status = process.wait(_PATIENCE)
        if status:
            raise AssertionError(f"the agent ended with status {status}; its log:\n{log.read_text()[-3000:]}")
    finally:
        process.kill()
        process.wait()
