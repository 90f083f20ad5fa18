"""`nodepulse top`: the running agent, live, in a terminal.

A thread asks the agent once a second, so that keys are obeyed at once whatever the agent does. Keys, answers and a
change of the terminal's size wake the one loop that draws.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from typing import Any

import click
from attrs import evolve

from nodepulse_core.cli.client import Client, make_client
from nodepulse_core.cli.context import Context
from nodepulse_core.errors import NodePulseError, UsageError

_EVERY = 1.0
_PATIENCE = 3.0


@click.command()
@click.option("--url", metavar="URL", help="The agent's address, http://127.0.0.1:8088; by default the configured one.")
@click.pass_obj
def top(context: Context, url: str | None) -> None:
    """Watch the running agent, live: its targets, what waits, and the delivery.

    Keys: q quits, p pauses and goes on, u shows only the unhealthy targets, or all. An agent that goes away is said,
    and asked again until it is back. For scripts there is: nodepulse status
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top needs a terminal; for a pipe or a file use: nodepulse status")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise UsageError("top needs a terminal that can move its cursor ($TERM is dumb); use: nodepulse status")
    client = make_client(context, url)
    with _waking() as (wakened, wake):
        asker = _Asker(client, wake)
        asker.start()
        with contextlib.suppress(_EndedError), _one_key_at_a_time():
            _watch(asker, wakened)


def _watch(asker: _Asker, wakened: int) -> None:
    from rich.console import Console  # noqa: PLC0415 - nothing else needs rich
    from rich.live import Live  # noqa: PLC0415 - the same

    from nodepulse_core.cli.screen import View, render  # noqa: PLC0415 - the same

    console = Console()
    view = View()
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while True:
            if not view.paused:
                report, error = asker.answer
                view = evolve(view, report=report, error=error)
            live.update(render(view, console.height), refresh=True)
            ready, _, _ = select.select([sys.stdin, wakened], [], [])
            if wakened in ready:
                os.read(wakened, 4096)
            if sys.stdin in ready:
                for key in os.read(sys.stdin.fileno(), 64).decode(errors="replace").lower() or "q":
                    if key == "q":
                        return
                    if key == "p":
                        view = evolve(view, paused=not view.paused)
                    if key == "u":
                        view = evolve(view, unhealthy_only=not view.unhealthy_only)


class _Asker(threading.Thread):
    """Asks the agent again and again; `answer` is its last report, and why there is no newer one."""

    def __init__(self, client: Client, wake: int) -> None:
        super().__init__(daemon=True, name="asker")
        self._client = client
        self._wake = wake
        self._pause = threading.Event()
        self.answer: tuple[dict[str, Any] | None, str | None] = (None, None)

    def run(self) -> None:
        """Ask until the process ends."""
        while True:
            try:
                report = self._client.ask("GET", "/health?history=1", seconds=_PATIENCE)
                self.answer = (report, None)
            except NodePulseError as error:
                self.answer = (self.answer[0], str(error))
            try:
                os.write(self._wake, b".")
            except OSError:  # the watching has ended
                return
            self._pause.wait(_EVERY)


class _EndedError(Exception):
    """SIGTERM has come."""


@contextlib.contextmanager
def _waking() -> Iterator[tuple[int, int]]:
    """Give the two ends of a pipe that signals write to as well; SIGTERM raises _EndedError."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def end(*_: object) -> None:
        raise _EndedError

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    signal.signal(signal.SIGWINCH, lambda *_: None)  # it wakes by the pipe, and the screen is drawn anew
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading, writing
    finally:
        signal.set_wakeup_fd(before)


@contextlib.contextmanager
def _one_key_at_a_time() -> Iterator[None]:
    """Have the terminal hand on each key at once and unseen; it is as it was afterwards, whatever happens."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
