"""One agent per buffer: a lock that the kernel gives back when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from nodepulse_core.errors import StorageError

_NAME = ".lock"


class BufferLock:
    """The right to write to a buffer."""

    def __init__(self, path: Path) -> None:
        self._path = path / _NAME
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock; raises StorageError, naming the process that has it, where it is taken."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"cannot open {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 32).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise StorageError(
                f"the buffer {self._path.parent} is in use by process {holder}; "
                "end that agent, or give this one a buffer.path of its own"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock back; without it, nothing happens."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def lock_holder(path: Path) -> int | None:
    """Return the pid of the agent that has the buffer now, or None where none has."""
    try:
        file = os.open(path / _NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 32)
        return int(holder) if holder.strip().isdigit() else None
    finally:
        os.close(file)
    return None
