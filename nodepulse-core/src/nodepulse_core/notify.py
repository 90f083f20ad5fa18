"""The word to systemd: that the agent is ready, reloads, ends, and still gets on with its work (sd_notify).

One datagram a message, to the unix socket that `$NOTIFY_SOCKET` names; without that nothing is sent. The protocol is
that of sd_notify(3). Nothing here waits: a supervisor that does not read loses the message, and the agent nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Mapping

_MICROSECONDS = 1_000_000
_LONGEST_STATUS = 500
log = logging.getLogger(__name__)


class Notifier:
    """Sends to one supervisor, or to nobody."""

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        """Take the socket's path, an abstract one with a leading `@`, and how often the watchdog wants to be fed."""
        self._address = address
        self._failing = False
        self.watchdog_seconds = watchdog_seconds if address else None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Notifier:
        """Return the notifier that `$NOTIFY_SOCKET`, `$WATCHDOG_USEC` and `$WATCHDOG_PID` ask for."""
        address = environ.get("NOTIFY_SOCKET")
        if address and not address.startswith(("/", "@")):
            log.warning("$NOTIFY_SOCKET is %s, which is no unix socket; nothing is sent to the supervisor", address)
            address = None
        return cls(address or None, _watchdog_seconds(environ))

    @property
    def active(self) -> bool:
        """Tell whether there is anybody to tell."""
        return self._address is not None

    def ready(self, status: str) -> None:
        """Say that the agent works, for the first time or after a reload."""
        self._send("READY=1", _status(status))

    def reloading(self, monotonic: float) -> None:
        """Say that the configuration is read again; `monotonic` are the seconds of CLOCK_MONOTONIC."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(monotonic * _MICROSECONDS)}")

    def stopping(self) -> None:
        """Say that the agent ends."""
        self._send("STOPPING=1", _status("delivers what is complete, then ends"))

    def status(self, text: str) -> None:
        """Give the line that `systemctl status` shows."""
        self._send(_status(text))

    def feed(self) -> None:
        """Keep the watchdog from acting for another while."""
        self._send("WATCHDOG=1")

    def _send(self, *fields: str) -> None:
        if self._address is None:
            return
        path = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sending:
                sending.setblocking(False)
                sending.sendto("\n".join(fields).encode(), path)
        except OSError as error:
            if not self._failing:
                log.warning("cannot say %s to the supervisor at %s: %s", fields[0], self._address, error.strerror)
            self._failing = True
        else:
            self._failing = False


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """Return after how long without a word this process is killed; None where it is not watched."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return microseconds / _MICROSECONDS if microseconds > 0 else None


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())[:_LONGEST_STATUS]
