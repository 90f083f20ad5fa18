"""The token of `api.token_file`: read anew when its file changes, never shown, and compared in constant time."""

from __future__ import annotations

import hmac
import logging
import os
import stat
from pathlib import Path

from nodepulse_core.errors import NodePulseError
from nodepulse_core.peer.reasons import explain

_SHORTEST = 16
_LONGEST = 4096
_MAKE = "make one with: (umask 077; openssl rand -hex 32 > {path})"

log = logging.getLogger(__name__)


class Token:
    """A token in a file. Who may write the file may do all that the token allows: only its owner may."""

    def __init__(self, path: Path) -> None:
        """Read it a first time; raises NodePulseError, naming the file and never its content, where it is of no use."""
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._value = b""
        self._read()  # of its mode, the configuration has warned

    def matches(self, shown: str) -> bool:
        """Tell whether what a caller shows is the token; raises NodePulseError where the file is of no use any more."""
        self._read()
        return hmac.compare_digest(self._value, shown.encode("utf-8", "surrogateescape"))

    def _read(self) -> None:
        try:
            with self._path.open("rb") as file:
                state = os.fstat(file.fileno())
                seen = (state.st_dev, state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size)
                if seen == self._seen:
                    return
                content = file.read(_LONGEST + 1)
        except OSError as error:
            raise NodePulseError(f"cannot read the token in {self._path}: {explain(error)}") from error
        if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise NodePulseError(f"{self._path} may be written by others than its owner; run: chmod 600 {self._path}")
        token = content.strip()
        if not _SHORTEST <= len(token) <= _LONGEST or any(byte <= ord(" ") or byte > ord("~") for byte in token):
            make = _MAKE.format(path=self._path)
            raise NodePulseError(
                f"{self._path} holds no token: one line of {_SHORTEST} or more letters, digits and signs is due; {make}"
            )
        if self._value and state.st_mode & (stat.S_IRGRP | stat.S_IROTH):
            log.warning("%s may be read by others than its owner; run: chmod 600 %s", self._path, self._path)
        self._value, self._seen = token, seen
