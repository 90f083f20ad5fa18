"""The command and the reference dashboard as a test runs them: on loopback, with everything in one folder."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.programs import PATIENCE, await_text, free_port, running

SERVER_ID = "real-1"
NODEPULSE = [sys.executable, "-m", "nodepulse_core"]


def write_config(home: Path, dashboard: str, endpoints: Mapping[str, str]) -> Path:
    """Write a configuration that scrapes each exporter once a second and delivers at once; return its path."""
    config = home / "nodepulse.yml"
    exporters = "\n".join(f"  - {{name: {name}, endpoint: '{url}', interval: 1s}}" for name, url in endpoints.items())
    config.write_text(
        f"server: {{endpoint: 'http://{dashboard}/metrics/prometheus'}}\n"
        f"agent: {{state_dir: '{home}', server_id: {SERVER_ID}}}\n"
        f"exporters:\n{exporters}\n"
        "buffer: {drain_jitter: 0s, min_free_bytes: 1MiB}\n"
        "api: {listen: 127.0.0.1:0}\n"
    )
    return config


@contextlib.contextmanager
def running_dashboard(home: Path) -> Iterator[str]:
    """Run the reference dashboard until the block ends; give its address."""
    address = f"127.0.0.1:{free_port()}"
    log = home / "dashboard.log"
    receive = [*NODEPULSE, "dashboard", "--listen", address, "--database", str(home / "dashboard.sqlite")]
    with running(receive, log):
        await_text(f"http://{address}/", contains="<html", log=log)
        yield address


def await_latest(dashboard: str, key: str, log: Path) -> list[dict[str, Any]]:
    """Return the objects of the latest snapshot that the dashboard has of an exporter, once it has one."""
    url = f"http://{dashboard}/api/servers/{SERVER_ID}/latest"
    latest = json.loads(await_text(url, contains=f'"key":"{key}"', log=log))
    (objects,) = (each["objects"] for each in latest["snapshots"] if each["key"] == key)
    return list(objects)


def await_logged(log: Path, text: str) -> None:
    """Wait until a program's log contains a text; fails with the log where it never does."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if text in log.read_text(errors="replace"):
            return
        time.sleep(0.05)
    pytest.fail(f"{text!r} was never logged: {log.read_text(errors='replace')[-2000:]}")
