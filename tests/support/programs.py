"""Real exporters and servers, started on free loopback ports and ended by their pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

REQUIRED = "NODEPULSE_REQUIRE_REAL"
PATIENCE = 30.0
_POSTGRES_HOMES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def need(*programs: str) -> None:
    """Skip with a reason where a program is missing; fail where the run requires all of them."""
    missing = [name for name in programs if find(name) is None]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)} (see .ci/run for the packages)"
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)


def find(program: str) -> str | None:
    """Return where a program is, PostgreSQL's own folders included."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *map(str, _POSTGRES_HOMES)])
    return shutil.which(program, path=path)


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_text(url: str, *, contains: str, log: Path) -> str:
    """Return what a URL answers once it contains a text; fails with the program's log where it never does."""
    end = time.monotonic() + PATIENCE
    said = ""
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as response:
            said = response.read().decode()
            if contains in said:
                return said
        time.sleep(0.05)
    pytest.fail(f"{url} never answered with {contains!r}; its log: {log.read_text(errors='replace')[-2000:]}")


def as_unprivileged(command: Sequence[str]) -> list[str]:
    """Return a command that runs as the user postgres where this is root: PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)
