"""The files of the buffer: written so that a power cut loses nothing that was reported stored.

Blocking: the buffer calls all of this in threads. A write is a temporary name, all bytes, fsync, rename, and
fsync of the directory; readers never see a part of a file. Symbolic links are never followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from attrs import frozen

from nodepulse_core.buffer.entry_file import TARGET_NAME, decode, name_file, read_name
from nodepulse_core.errors import EntryError, StorageError
from nodepulse_core.model import Entry, StoredScrape

Fsync = Literal["always", "interval", "never"]

QUARANTINE = ".quarantine"
_TEMPORARY = ".writing-"
_REASON = ".reason"
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Listing:
    """What a buffer holds: entries, quarantined entries, and the paths that are neither and were left alone."""

    entries: tuple[Entry, ...]
    quarantined: tuple[Entry, ...]
    foreign: tuple[Path, ...]


class Store:
    """The directory of a buffer."""

    def __init__(self, path: Path, fsync: Fsync = "always") -> None:
        self.path = path
        self._fsync = fsync
        self._unsynced: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def create(self) -> None:
        """Make the directories, 0700; raises StorageError where that cannot be done."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / QUARANTINE).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the buffer {self.path}: {error.strerror}") from error

    def write(self, entry: Entry, content: bytes) -> None:
        """Make an entry's file durable; raises OSError where the disk does not take it, and leaves nothing behind."""
        name = name_file(entry.window)
        with self._directory(self.path / entry.target, create=True) as directory:
            temporary = _TEMPORARY + name
            try:
                self._write_whole(directory, temporary, content)
                os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=directory)
                raise
            if self._fsync == "always":
                os.fsync(directory)
            elif self._fsync == "interval":
                with self._lock:
                    self._unsynced.append((entry.target, name))

    def sync(self) -> None:
        """Make durable what was written since the last call, where fsync is `interval`."""
        with self._lock:
            unsynced, self._unsynced = self._unsynced, []
        for target in {target for target, _ in unsynced}:
            with self._directory(self.path / target) as directory:
                for name in (name for of, name in unsynced if of == target):
                    with contextlib.suppress(FileNotFoundError):  # delivered since
                        file = os.open(name, os.O_RDONLY | _NO_LINK, dir_fd=directory)
                        try:
                            os.fsync(file)
                        finally:
                            os.close(file)
                os.fsync(directory)

    def exists(self, entry: Entry) -> bool:
        """Tell whether something bears the entry's name."""
        return os.path.lexists(self._file(entry))

    def read(self, entry: Entry) -> StoredScrape:
        """Return what an entry's file holds; raises EntryError with the reason where it is not whole."""
        try:
            file = os.open(self._file(entry), os.O_RDONLY | os.O_NONBLOCK | _NO_LINK)
            with os.fdopen(file, "rb") as stream:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise EntryError("it is no regular file")
                content = stream.read()
        except OSError as error:
            raise EntryError(f"it cannot be read: {error.strerror}") from error
        return decode(entry, content)

    def remove(self, entry: Entry) -> None:
        """Remove a delivered or evicted entry's file; one that is gone already is as good."""
        self._file(entry).unlink(missing_ok=True)

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Put an entry aside, with the reason in a file beside it."""
        name = name_file(entry.window)
        home = self.path / QUARANTINE / entry.target
        with self._directory(home, create=True) as aside:
            with contextlib.suppress(FileExistsError):
                self._write_whole(aside, name + _REASON, f"{reason}\n".encode())
            os.rename(self._file(entry), name, dst_dir_fd=aside)
            if self._fsync == "always":
                os.fsync(aside)

    def reason(self, entry: Entry) -> str:
        """Return why an entry was quarantined, as far as it was written down."""
        path = self.path / QUARANTINE / entry.target / (name_file(entry.window) + _REASON)
        try:
            return path.read_text(errors="replace").strip()
        except OSError:
            return "no reason was written down"

    def remove_quarantined(self, entry: Entry) -> None:
        """Remove a quarantined entry and its reason."""
        path = self.path / QUARANTINE / entry.target / name_file(entry.window)
        path.unlink(missing_ok=True)
        path.with_name(path.name + _REASON).unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Return what the file system has left for this user."""
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def scan(self, *, sweep: bool = False) -> Listing:
        """List the whole buffer once; with `sweep`, remove what an interrupted write left behind.

        Raises StorageError where the buffer itself cannot be listed.
        """
        foreign: list[Path] = []
        try:
            entries = list(self._list_targets(self.path, foreign, sweep=sweep))
            aside = self.path / QUARANTINE
            quarantined = list(self._list_targets(aside, foreign, sweep=sweep)) if aside.is_dir() else []
        except OSError as error:
            raise StorageError(f"cannot list the buffer {self.path}: {error.strerror}") from error
        return Listing(tuple(entries), tuple(quarantined), tuple(foreign))

    def _list_targets(self, root: Path, foreign: list[Path], *, sweep: bool) -> Iterator[Entry]:
        with os.scandir(root) as found:
            for item in found:
                if item.name.startswith("."):
                    continue
                if item.is_dir(follow_symlinks=False) and TARGET_NAME.fullmatch(item.name):
                    yield from self._list_target(Path(item.path), foreign, sweep=sweep)
                else:
                    foreign.append(Path(item.path))

    def _list_target(self, directory: Path, foreign: list[Path], *, sweep: bool) -> Iterator[Entry]:
        try:
            with os.scandir(directory) as found:
                for item in found:
                    window = read_name(item.name)
                    if window and item.is_file(follow_symlinks=False):
                        yield Entry(window, directory.name, item.stat(follow_symlinks=False).st_size)
                    elif item.name.startswith(_TEMPORARY):
                        if sweep:
                            Path(item.path).unlink()
                    elif not item.name.endswith(_REASON):
                        foreign.append(Path(item.path))
        except PermissionError:
            foreign.append(directory)

    def _file(self, entry: Entry) -> Path:
        return self.path / entry.target / name_file(entry.window)

    def _write_whole(self, directory: int, name: str, content: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK
        file = os.open(name, flags, 0o600, dir_fd=directory)
        try:
            left = memoryview(content)
            while left:  # a write may be short without an error
                left = left[os.write(file, left) :]
            if self._fsync == "always":
                os.fsync(file)
        finally:
            os.close(file)

    @contextlib.contextmanager
    def _directory(self, path: Path, *, create: bool = False) -> Iterator[int]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK)
        except FileNotFoundError:
            if not create:
                raise
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._fsync == "always":
                _fsync_directory(path.parent)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _fsync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
