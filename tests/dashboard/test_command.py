"""`nodepulse dashboard` as a process."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.programs import await_text, free_port, running

DASHBOARD = [sys.executable, "-m", "nodepulse_core", "dashboard"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run([*DASHBOARD, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_says_where_and_ends_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """It prints the page's and the agents' address, and a Ctrl-C or SIGTERM ends it with status 0, files in order."""
    address, database, log = f"127.0.0.1:{free_port()}", tmp_path / "d.sqlite", tmp_path / "log"
    with running([*DASHBOARD, "--listen", address, "--database", str(database)], log) as process:
        assert json.loads(await_text(f"http://{address}/api/servers", contains="now", log=log))["servers"] == []
        process.send_signal(number)
        assert process.wait(20) == 0
    said = log.read_text()
    assert f"http://{address}/\n" in said
    assert f"http://{address}/metrics/prometheus" in said
    assert "Traceback" not in said
    assert [file.name for file in tmp_path.glob("d.sqlite*")] == ["d.sqlite"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "8089"], "write it like 127.0.0.1:8088"),
        (["--max-body", "1"], "too little"),
        (["--max-body", "ten"], "ten"),
        (["--max-database", "1KiB"], "too little"),
        (["--keep", "1s"], "too little"),
        (["--keep", "week"], "week"),
    ],
)
def test_wrong_usage_is_told_apart(arguments: list[str], said: str) -> None:
    """A wrong option ends with status 2 and a sentence about it."""
    ended = run(*arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_keeps_it_from_starting_is_said(tmp_path: Path) -> None:
    """A port in use and a database of a newer version end with status 1 and the reason, without a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run("--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--database", str(tmp_path / "a.sqlite"))
    assert (ended.returncode, "it is in use" in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)
    with sqlite3.connect(tmp_path / "b.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    ended = run("--listen", "127.0.0.1:0", "--database", str(tmp_path / "b.sqlite"))
    assert (ended.returncode, "another version" in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)


def test_an_open_address_is_warned_about(tmp_path: Path) -> None:
    """Another address than loopback is taken, with a warning of what that means."""
    log = tmp_path / "log"
    port = free_port()
    with running([*DASHBOARD, "--listen", f"0.0.0.0:{port}", "--database", str(tmp_path / "d.sqlite")], log):
        await_text(f"http://127.0.0.1:{port}/", contains="<html", log=log)
    assert "asks nobody who they are" in log.read_text()


def test_its_options_are_in_its_help() -> None:
    """Every option is explained, with its default."""
    ended = run("--help")
    for text in ("--listen", "--database", "--max-body", "10MiB", "--max-database", "2GiB", "--keep", "7d"):
        assert text in ended.stdout, text
