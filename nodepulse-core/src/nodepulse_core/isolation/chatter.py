"""What a child says on standard error, taken to the log: by lines, cut, and no more than so many a minute."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from nodepulse_core.foreign import one_line

MOST_LINES = 20
"""Lines that are logged in a minute."""
_MINUTE = 60.0
_LONGEST_LINE = 8192
log = logging.getLogger(__name__)


class Chatter:
    """The lines of one child."""

    def __init__(self, subject: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._subject = subject
        self._monotonic = monotonic
        self._since = monotonic()
        self._lines = 0
        self._left_out = 0

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Log what is said until it ends; a line without end is cut."""
        rest = b""
        while piece := await stream.read(_LONGEST_LINE):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self.say(line)
            if len(rest) > _LONGEST_LINE:
                self.say(rest)
                rest = b""
        self.say(rest)
        self._tell_left_out()

    def say(self, line: bytes) -> None:
        """Log a line, unless there were too many in this minute."""
        text = one_line(line.decode(errors="replace"))
        if not text:
            return
        now = self._monotonic()
        if now - self._since >= _MINUTE:
            self._tell_left_out()
            self._since, self._lines = now, 0
        self._lines += 1
        if self._lines > MOST_LINES:
            self._left_out += 1
        else:
            log.warning("%s says: %s", self._subject, text)

    def _tell_left_out(self) -> None:
        if self._left_out:
            log.warning("%s said %d lines more, which are left out", self._subject, self._left_out)
        self._left_out = 0
