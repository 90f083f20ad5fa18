"""One agent per buffer: a lock that the kernel gives back when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from nodepulse_core.buffer.directory import NO_LINK, give_to_owner, opened
from nodepulse_core.errors import StorageError

_NAME = ".lock"
_TRIES = 50
_PAUSE = 0.01


class BufferLock:
    """The right to write to a buffer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._confirming = threading.Lock()

    def acquire(self) -> None:
        """Take the lock; raises StorageError, naming the process that has it, where it is taken. Blocking."""
        for _ in range(_TRIES):
            file = self._open()
            try:
                taken = self._try(file) and self._is_current(file)
            except BaseException:
                os.close(file)
                raise
            if taken:
                self._file = file
                return
            os.close(file)
            time.sleep(_PAUSE)  # who only looks at the lock has it for an instant
        raise StorageError(f"cannot lock the buffer {self._path}: others keep looking at its lock; start again")

    def confirm(self) -> None:
        """Make sure that the lock is still this one's; one whose file was removed is taken anew. Safe in any thread.

        Raises StorageError where another process has taken the buffer meanwhile.
        """
        with self._confirming:
            if self._file is None or self._is_current(self._file):
                return
            self.release()
            self.acquire()

    def release(self) -> None:
        """Give the lock back; without it, nothing happens."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        try:
            with opened(self._path) as directory:
                try:
                    return os.open(_NAME, os.O_RDWR | NO_LINK, dir_fd=directory)
                except FileNotFoundError:
                    file = os.open(_NAME, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600, dir_fd=directory)
                    give_to_owner(directory, _NAME)
                    return file
        except OSError as error:
            raise StorageError(f"cannot open {self._path / _NAME}: {error.strerror}") from error

    def _try(self, file: int) -> bool:
        """Lock the file; return False where it is worth another try."""
        if _lock(file, fcntl.LOCK_EX, self._path):
            with contextlib.suppress(OSError):  # a new file on a full disk: the lock holds, its holder has no name
                os.pwrite(file, f"{os.getpid():<31}\n".encode(), 0)  # always as long, so it needs no new room
            return True
        if _lock(file, fcntl.LOCK_SH, self._path):  # then no agent has it
            return False
        raise StorageError(
            f"the buffer {self._path} is in use by process {_holder(file) or 'unknown'}; "
            "end that process first, or name another buffer"
        )

    def _is_current(self, file: int) -> bool:
        """Tell whether a locked file is still the one that others would find."""
        try:
            found = (self._path / _NAME).lstat()
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(file))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a buffer's lock for as long as the block lasts; raises StorageError where it is taken."""
    lock = BufferLock(path)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def lock_holder(path: Path) -> int | None:
    """Return the pid of the process that has the buffer now, or None where none has."""
    try:
        with opened(path) as directory:
            file = os.open(_NAME, os.O_RDONLY | NO_LINK, dir_fd=directory)
    except OSError:
        return None
    try:
        return None if _lock(file, fcntl.LOCK_SH, path) else _holder(file)
    except StorageError:
        return None
    finally:
        os.close(file)


def _lock(file: int, how: int, path: Path) -> bool:
    """Lock a file as far as that is free; raises StorageError where the file system cannot lock."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StorageError(
            f"cannot lock the buffer {path}: {error.strerror}; set buffer.path to a directory on a local disk"
        ) from error
    return True


def _holder(file: int) -> int | None:
    said = os.pread(file, 32, 0).strip()
    return int(said) if said.isdigit() else None
