"""The processes that a demo is made of: started one after the other, ended in the reverse order, all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from types import TracebackType

from attrs import frozen

from nodepulse_core.errors import NodePulseError

_ANSWER = 20.0
_POLL = 0.1
_END = 6.0
_SAID = 2000


class EndAskedError(Exception):
    """A signal asks for the end."""


@frozen
class _Part:
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text(errors="replace").strip()[-_SAID:] or "nothing"


class Parts:
    """The parts that run. As a context it ends them.

    A signal interrupts nothing, since a process that is just being started would be left behind: it is counted, and
    looked at between two steps. The second one ends whatever takes its time to end.
    """

    def __init__(self, patience: float = _END) -> None:
        """Take the seconds that each part has to end by itself."""
        self._patience = patience
        self._parts: list[_Part] = []
        self._asked = 0

    def __enter__(self) -> Parts:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
                signal.signal(number, lambda *_: self.ask())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._parts:
            self._end(self._parts.pop().process)

    def ask(self) -> None:
        """Ask for the end; a second time, for it to be at once."""
        self._asked += 1

    def start(self, arguments: Sequence[str], log: Path) -> None:
        """Run a subcommand of this very program; raises EndAskedError instead where the end is asked for."""
        self._check()
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-m", "nodepulse_core", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,  # a Ctrl-C in the terminal is this process's, which ends its parts in their order
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._parts.append(_Part(process, log))

    def await_answer(self, url: str) -> None:
        """Wait until the last part answers; raises NodePulseError, with what it said, where it does not."""
        part = self._parts[-1]
        end = time.monotonic() + _ANSWER
        while not answers(url):
            if part.process.poll() is not None or time.monotonic() > end:
                raise NodePulseError(f"{url} does not answer, so the demo cannot run; what it said: {part.said()}")
            self._pause()

    def watch(self, seconds: float | None) -> None:
        """Wait for that long, or for ever; raises NodePulseError where a part ends before its time."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            for part in self._parts:
                if (status := part.process.poll()) is not None:
                    what = f"a part of the demo ended with status {status}: {part.process.args!r}"
                    raise NodePulseError(f"{what}; what it said: {part.said()}")
            self._pause()

    def _check(self) -> None:
        if self._asked:
            raise EndAskedError

    def _pause(self) -> None:
        self._check()
        time.sleep(_POLL)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """End a process kindly; kill it where it takes too long, or the end was asked for twice."""
        process.terminate()
        end = time.monotonic() + self._patience
        while process.poll() is None:
            if time.monotonic() > end or self._asked > 1:
                process.kill()
                process.wait()
                return
            time.sleep(_POLL)


def answers(url: str) -> bool:
    """Tell whether something on this machine answers at a URL."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy knows what is on this machine
    try:
        with direct.open(url, timeout=2) as response:
            return bool(response.status == 200)  # noqa: PLR2004 - OK
    except (OSError, ValueError, HTTPException):
        return False
