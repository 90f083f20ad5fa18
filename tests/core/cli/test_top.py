"""`nodepulse top` in a terminal: keys, sizes, an agent that goes and comes back, and how it leaves."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator

import pytest
from nodepulse_core.agent.report import Report
from support.command import NODEPULSE, Command
from support.programs import PATIENCE
from support.reports import make_report, make_target
from support.stand_in import StandIn

ENTER_SCREEN, LEAVE_SCREEN, SHOW_CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


class Terminal:
    """A terminal in which `nodepulse top` runs."""

    def __init__(self, command: Command, url: str) -> None:
        self._mine, self._its = pty.openpty()
        self.resize(120, 30)
        self.before = termios.tcgetattr(self._its)
        self.seen = b""
        self.process = subprocess.Popen(
            [*NODEPULSE, "top", "--url", url],
            stdin=self._its,
            stdout=self._its,
            stderr=self._its,
            start_new_session=True,
            env={**command.environ, "TERM": "xterm-256color"},
            cwd=command.home,
        )

    def resize(self, columns: int, lines: int) -> None:
        """Give it another size."""
        fcntl.ioctl(self._its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, key: str) -> None:
        """Press a key; what was seen until now is forgotten."""
        self.read(0)
        self.seen = b""
        os.write(self._mine, key.encode())

    def read(self, seconds: float) -> None:
        """Read what is written within some seconds."""
        while select.select([self._mine], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.seen += os.read(self._mine, 65536)
            seconds = 0

    def until(self, text: str) -> None:
        """Read until a text is seen."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            assert time.monotonic() < end, (text, self.seen[-2000:])
            assert self.process.poll() is None or select.select([self._mine], [], [], 0)[0], self.seen[-2000:]
            self.read(0.1)

    def ended(self) -> int:
        """Return its exit status, and see that the terminal is as it was."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end
            self.read(0.05)  # what is not read would hold it up
        self.read(0)
        assert termios.tcgetattr(self._its) == self.before
        assert b"Traceback" not in self.seen
        return int(self.process.returncode)

    def close(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        os.close(self._mine)
        os.close(self._its)


def two_targets() -> Report:
    """Return a report of one target that is up, and one that is down."""
    return make_report(
        targets=(make_target("fine_target"), make_target("broken_target", status="failed", last_error="refused")),
        status="degraded",
    )


@pytest.fixture
def agent() -> Iterator[StandIn]:
    """Give an agent to look at."""
    with StandIn(two_targets()) as made:
        yield made


@pytest.fixture
def terminal(command: Command, agent: StandIn) -> Iterator[Terminal]:
    """Give a terminal in which top shows that agent."""
    made = Terminal(command, agent.url)
    try:
        made.until("fine_target")
        yield made
    finally:
        made.close()


def test_q_quits_and_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    """It draws on a screen of its own, and gives back the old one, the cursor and the keyboard."""
    assert ENTER_SCREEN in terminal.seen
    terminal.press("q")
    assert terminal.ended() == 0
    assert LEAVE_SCREEN in terminal.seen
    assert SHOW_CURSOR in terminal.seen


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0)])
def test_a_signal_leaves_the_terminal_as_it_was(terminal: Terminal, number: int, status: int) -> None:
    """Ctrl-C, SIGTERM and SIGHUP end it in order."""
    terminal.process.send_signal(number)
    assert terminal.ended() == status
    assert LEAVE_SCREEN in terminal.seen
    assert SHOW_CURSOR in terminal.seen


def test_u_shows_only_the_unhealthy(terminal: Terminal) -> None:
    """A target that is up goes from the screen, and comes back with the next u."""
    terminal.press("u")
    terminal.until("u all targets")
    drawn = terminal.seen.rpartition(b"degraded")[2]
    assert b"broken_target" in drawn
    assert b"fine_target" not in drawn
    terminal.press("u")
    terminal.until("fine_target")


def test_p_pauses(terminal: Terminal, agent: StandIn) -> None:
    """What comes meanwhile is not shown before it goes on."""
    terminal.press("p")
    terminal.until("paused")
    agent.report = make_report(targets=(make_target("new_target"),))
    terminal.read(2.5)
    assert b"new_target" not in terminal.seen
    terminal.press("p")
    terminal.until("new_target")


def test_an_agent_that_goes_away_is_said_and_found_again(command: Command) -> None:
    """The reason is shown with what was known; when it is back, it is shown again."""
    with StandIn(two_targets()) as first:
        terminal = Terminal(command, first.url)
        with contextlib.closing(terminal):
            terminal.until("fine_target")
            first.__exit__()
            terminal.until("trying again")
            with StandIn(make_report(targets=(make_target("back_again"),)), first.port):
                terminal.until("back_again")
                terminal.press("q")
                assert terminal.ended() == 0


def test_it_is_drawn_anew_for_another_size(terminal: Terminal) -> None:
    """A narrower terminal is drawn at once, within its width."""
    terminal.press("p")
    terminal.until("paused")
    terminal.seen = b""
    terminal.resize(60, 20)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    terminal.until("fine_target")


@pytest.mark.parametrize("size", [(20, 5), (400, 100)])
def test_a_terminal_of_any_size_will_do(command: Command, agent: StandIn, size: tuple[int, int]) -> None:
    """It starts and ends in a tiny one and in a huge one."""
    terminal = Terminal(command, agent.url)
    with contextlib.closing(terminal):
        terminal.resize(*size)
        terminal.until("quit")
        terminal.press("q")
        assert terminal.ended() == 0


def test_without_a_terminal_it_names_status(command: Command) -> None:
    """In a pipe it is wrong usage, and the error says what to use."""
    ended = command.run("top", "--url", "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert "use: nodepulse status" in ended.stderr
