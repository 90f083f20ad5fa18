"""`nodepulse demo`: all of it on this machine, and nothing of it afterwards, however it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Command

PATIENCE = 60.0


@pytest.fixture
def temporary(command: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the directory that the demo makes its own in; afterwards it is empty, and no process knows it."""
    made = command.home / "tmp"
    made.mkdir()
    monkeypatch.setenv("TMPDIR", str(made))
    yield made
    assert list(made.iterdir()) == []
    assert left_behind(made) == []


def left_behind(temporary: Path) -> list[str]:
    """Return the command lines of processes that were started with a path below a directory, or run in it."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environ = (process / "environ").read_bytes()
        except OSError:  # it has ended meanwhile, or is not ours
            continue
        if "nodepulse" in line and str(temporary).encode() in environ:
            lines.append(line)
    return lines


def count_delivered(health: str) -> int:
    """Return how many entries an agent has delivered, as its /health tells."""
    with urllib.request.urlopen(health, timeout=5) as response:
        delivered: int = json.loads(response.read())["buffer"]["delivered"]
    return delivered


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """Return what a process says up to a line with a word."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if word in line:
            return said
    pytest.fail(f"it ended without {word!r}: {said} {process.communicate()[1]}")


@pytest.mark.usefixtures("temporary")
def test_it_ends_by_itself_and_shows_where_to_look(command: Command) -> None:
    """After --for it ends with 0; meanwhile its page answers, and the agent scrapes and delivers."""
    process = command.start("demo", "--for", "6s")
    said = read_until(process, "it ends")
    pages = re.findall(r"http://127\.0\.0\.1:\d+/\S*", said)
    for page in pages:
        with urllib.request.urlopen(page, timeout=5) as response:
            assert response.status == 200
    assert len(pages) >= 2
    assert "node_exporter" in said
    (health,) = (page for page in pages if page.endswith("/health"))
    end = time.monotonic() + 4
    while not count_delivered(health):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert left_behind(command.home / "tmp")
    rest, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    assert rest.endswith("the demo has ended, and its files are gone\n")


@pytest.mark.usefixtures("temporary")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_whole(command: Command, number: int) -> None:
    """Ctrl-C, SIGTERM and a terminal that hangs up end all of it, kindly, with status 0."""
    process = command.start("demo")
    read_until(process, "it ends")
    process.send_signal(number)
    rest, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    assert rest.endswith("the demo has ended, and its files are gone\n")


@pytest.mark.usefixtures("temporary")
def test_it_can_be_ended_while_it_begins(command: Command) -> None:
    """A signal before the page is there leaves nothing either, and is no failure."""
    process = command.start("demo")
    end = time.monotonic() + PATIENCE
    while not left_behind(command.home / "tmp")[1:]:  # itself, and a first part
        assert time.monotonic() < end
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.usefixtures("temporary")
def test_a_second_ctrl_c_ends_it_at_once_and_whole(command: Command) -> None:
    """Where the first Ctrl-C takes its time, the second one ends every part, and the files go all the same."""
    process = command.start("demo")
    read_until(process, "it ends")
    process.send_signal(signal.SIGINT)
    read_until(process, "ending")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in errors


@pytest.mark.usefixtures("temporary")
def test_a_missing_dashboard_is_said_with_what_to_install(command: Command) -> None:
    """Without the plugin that receives there is no demo, and it says what brings one."""
    ended = command.run("demo", "--for", "1s", environ={"NODEPULSE_DISABLED_PLUGINS": "dashboard"})
    assert ended.returncode == 1
    assert (
        "the demo needs what is not installed, broken or disabled; try: pip install nodepulse-dashboard" in ended.stderr
    )


def test_a_duration_that_is_none_is_wrong_usage(command: Command) -> None:
    """What is no duration is status 2, and nothing is begun."""
    ended = command.run("demo", "--for", "long")
    assert ended.returncode == 2
    assert "Invalid value for '--for'" in ended.stderr
