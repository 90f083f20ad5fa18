"""The processes of a demo: kindly ended at first, and none of them left behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nodepulse_core.cli.parts import EndAskedError, Parts, answers
from nodepulse_core.errors import NodePulseError

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """Put the handlers of signals back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Give what puts a shell script in the place of this very program, and returns where a part of it logs."""

    def make(body: str) -> Path:
        path = tmp_path / "part"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(path))
        return tmp_path / "log"

    return make


def forever(on_term: str) -> str:
    """Return a script that says its process and goes on, and does something on SIGTERM."""
    return f"trap '{on_term}' TERM\necho $$\nwhile :; do sleep 0.05; done"


def await_process(log: Path) -> int:
    """Return the process of a part, once its trap is set."""
    end = time.monotonic() + PATIENCE
    while not log.read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
    return int(log.read_text())


def runs(process: int) -> bool:
    """Tell whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_part_is_ended_kindly_at_first(script: Callable[[str], Path], tmp_path: Path) -> None:
    """It gets SIGTERM, and the time to end by itself: an agent delivers what it has."""
    log = script(forever(f"touch {tmp_path}/kindly; exit"))
    with Parts(patience=PATIENCE) as parts:
        parts.start([], log)
        process = await_process(log)
    assert (tmp_path / "kindly").exists()
    assert not runs(process)


def test_a_part_that_does_not_end_is_killed(script: Callable[[str], Path]) -> None:
    """What ignores SIGTERM is killed after its time, also where an error ends the others."""
    log = script(forever(""))

    def fail(parts: Parts) -> int:
        parts.start([], log)
        process.append(await_process(log))
        raise ValueError

    process: list[int] = []
    with pytest.raises(ValueError), Parts(patience=0.1) as parts:  # noqa: PT011 - its own
        fail(parts)
    assert not runs(process[0])


def test_an_end_that_is_asked_for_twice_does_not_wait(script: Callable[[str], Path]) -> None:
    """A second Ctrl-C kills what takes its time, and leaves nothing behind."""
    log = script(forever(""))
    with Parts(patience=10 * PATIENCE) as parts:
        parts.start([], log)
        process = await_process(log)
        parts.ask()
        with pytest.raises(EndAskedError):
            parts.watch(None)
        timer = threading.Timer(0.1, parts.ask)
        timer.start()
    timer.join()
    assert not runs(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_for_the_end_and_interrupts_nothing(script: Callable[[str], Path], number: int) -> None:
    """After a signal no further part is started, and waiting ends."""
    log = script(forever("exit"))
    with Parts() as parts:
        signal.raise_signal(number)
        with pytest.raises(EndAskedError):
            parts.start([], log)
        with pytest.raises(EndAskedError):
            parts.watch(PATIENCE)
    assert not log.exists()


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """Under nohup a hang-up does not end it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Parts():
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_parts_end_in_the_reverse_order(script: Callable[[str], Path], tmp_path: Path) -> None:
    """The agent, which is started last, ends while its dashboard still answers."""
    script(f"name=$3; trap 'echo $name >> {tmp_path}/ended; exit' TERM\necho $$\nwhile :; do sleep 0.05; done")
    with Parts() as parts:
        for name in ("first", "second", "third"):
            parts.start([name], tmp_path / name)
            await_process(tmp_path / name)
    assert (tmp_path / "ended").read_text().split() == ["third", "second", "first"]


def test_a_part_that_ends_before_its_time_is_said(script: Callable[[str], Path]) -> None:
    """The error has its status and what it said, both while it begins and later."""
    log = script("echo no such thing; exit 5")
    with Parts() as parts:
        parts.start([], log)
        with pytest.raises(NodePulseError, match=r"http://127\.0\.0\.1:1/ does not answer.*no such thing"):
            parts.await_answer("http://127.0.0.1:1/")
        with pytest.raises(NodePulseError, match=r"ended with status 5: .*no such thing"):
            parts.watch(None)


def test_only_what_answers_with_200_answers(exporter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal, an error, and what is no URL are no answer; a proxy of the environment is not asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert answers(f"{exporter}/metrics")
    assert not answers(f"{exporter}/error")
    assert not answers("http://127.0.0.1:1/")
    assert not answers("nonsense")
