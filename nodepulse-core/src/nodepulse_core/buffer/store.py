"""The files of the buffer: written so that a power cut loses nothing that was reported stored.

Blocking: the buffer calls all of this in threads. A write is a temporary name, all bytes, fsync, rename, and
fsync of the directory; readers never see a part of a file. Symbolic links are never followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from nodepulse_core.buffer.directory import (
    NO_LINK,
    is_taken,
    make_directory,
    make_root,
    opened,
    read_file,
    sync_directory,
    write_file,
)
from nodepulse_core.buffer.entry_file import LARGEST, decode, name_file
from nodepulse_core.buffer.listing import QUARANTINE, REASON, TEMPORARY, Listing, list_buffer
from nodepulse_core.errors import EntryError, StorageError
from nodepulse_core.model import Entry, StoredScrape
from nodepulse_core.units import format_size

Fsync = Literal["always", "interval", "never"]

_PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
"""Errors of a read that say nothing about the file: it may well be whole."""

_LONGEST_REASON = 4096


class Store:
    """The directory of a buffer."""

    def __init__(self, path: Path, fsync: Fsync = "always") -> None:
        self.path = path
        self._fsync = fsync
        self._made: set[tuple[str, ...]] = set()
        self._unsynced: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def create(self) -> None:
        """Make the directory, 0700; raises StorageError where that cannot be done."""
        try:
            make_root(self.path)
            with opened(self.path):
                pass
        except OSError as error:
            what = "it is a symbolic link; name the directory itself" if self.path.is_symlink() else error.strerror
            raise StorageError(f"cannot make the buffer {self.path}: {what}") from error

    def write(self, entry: Entry, content: bytes, *, keep_free: int = 0) -> bool:
        """Make an entry's file durable; return False where its slot has a file already.

        Raises OSError where the disk does not take it, or fewer than `keep_free` bytes are free (ENOSPC); nothing
        is left behind then.
        """
        name = name_file(entry.window)
        with self._home(entry.target) as directory:
            if is_taken(directory, name):
                return False
            _need_free(directory, keep_free)
            written = temporary = TEMPORARY + name
            try:
                write_file(directory, temporary, content, durable=self._fsync == "always")
                os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
                written = name
                if self._fsync == "always":
                    sync_directory(directory)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(written, dir_fd=directory)
                raise
        self._note_unsynced(entry.target, name)
        return True

    def sync(self) -> None:
        """Make durable what was written since the last call, where fsync is `interval`.

        Raises OSError; what was not reached is tried again by the next call.
        """
        with self._lock:
            unsynced, self._unsynced = self._unsynced, {}
        if not unsynced:
            return
        try:
            with opened(self.path) as root:
                sync_directory(root)  # targets may be new
            while unsynced:
                target, names = next(iter(unsynced.items()))
                self._sync_target(target, names)
                del unsynced[target]
        finally:
            for target, names in unsynced.items():
                for name in names:
                    self._note_unsynced(target, name)

    def exists(self, entry: Entry) -> bool:
        """Tell whether a file bears the entry's name."""
        try:
            with opened(self.path, entry.target) as directory:
                return is_taken(directory, name_file(entry.window))
        except OSError:
            return False

    def read(self, entry: Entry) -> StoredScrape:
        """Return what an entry's file holds; raises EntryError with the reason where it is not whole.

        Any other StorageError says that it cannot be read now, and nothing about the entry.
        """
        return decode(entry, self.read_bytes(entry))

    def read_bytes(self, entry: Entry, *, quarantined: bool = False) -> bytes:
        """Return an entry's file as it is; raises as `read` does."""
        try:
            with opened(self.path, *_place(entry, quarantined=quarantined)) as directory:
                content = read_file(directory, name_file(entry.window), LARGEST + 1)
        except OSError as error:
            if error.errno in _PASSING:
                raise StorageError(f"cannot read {entry.target} of slot {entry.slot}: {error.strerror}") from error
            raise EntryError(f"it cannot be read: {error.strerror}") from error
        if len(content) > LARGEST:
            raise EntryError(f"it is larger than {format_size(LARGEST)}")
        return content

    def remove(self, entry: Entry) -> None:
        """Remove a delivered or evicted entry's file; one that is gone already is as good."""
        with contextlib.suppress(FileNotFoundError), opened(self.path, entry.target) as directory:
            os.unlink(name_file(entry.window), dir_fd=directory)

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Put an entry aside, with the reason in a file beside it.

        Raises OSError where that fails, or one of its name lies there already; the entry stays where it is then.
        """
        name = name_file(entry.window)
        with opened(self.path, entry.target) as home, self._home(QUARANTINE, entry.target) as aside:
            if is_taken(aside, name):
                raise FileExistsError(errno.EEXIST, "one of its name is quarantined already")
            with contextlib.suppress(OSError):  # better put aside without its reason than in the way
                write_file(aside, name + REASON, f"{reason}\n".encode(), durable=self._fsync == "always")
            self._move(name, home, aside)

    def release(self, entry: Entry) -> None:
        """Put a quarantined entry back into the queue; raises OSError where that fails, or its slot is taken."""
        name = name_file(entry.window)
        with opened(self.path, QUARANTINE, entry.target) as aside, self._home(entry.target) as home:
            if is_taken(home, name):
                raise FileExistsError(errno.EEXIST, "its slot has an entry already")
            self._move(name, aside, home)

    def reason(self, entry: Entry) -> str:
        """Return why an entry was quarantined, as far as it was written down."""
        try:
            with opened(self.path, QUARANTINE, entry.target) as aside:
                return (
                    read_file(aside, name_file(entry.window) + REASON, _LONGEST_REASON).decode(errors="replace").strip()
                )
        except OSError:
            return "no reason was written down"

    def remove_quarantined(self, entry: Entry) -> None:
        """Remove a quarantined entry and its reason."""
        with contextlib.suppress(FileNotFoundError), opened(self.path, QUARANTINE, entry.target) as aside:
            os.unlink(name_file(entry.window), dir_fd=aside)
            os.unlink(name_file(entry.window) + REASON, dir_fd=aside)

    def scan(self, *, sweep: bool = False) -> Listing:
        """List the whole buffer once; with `sweep`, remove what interrupted work left behind."""
        return list_buffer(self.path, sweep=sweep)

    def _move(self, name: str, source: int, destination: int) -> None:
        """Rename an entry from one directory to another; its reason goes where the entry is not quarantined."""
        try:
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=destination)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name + REASON, dir_fd=destination)
            raise
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name + REASON, dir_fd=source)
        if self._fsync == "always":
            with contextlib.suppress(OSError):  # a power cut would undo the move, and lose nothing
                sync_directory(destination)
                sync_directory(source)

    @contextlib.contextmanager
    def _home(self, *names: str) -> Iterator[int]:
        """Open a directory of entries, which is made, and durable, before the first of them is written."""
        if names not in self._made:
            with self._lock:
                make_directory(self.path, *names, durable=self._fsync == "always")
            self._made.add(names)
        try:
            with opened(self.path, *names) as directory:
                yield directory
        except FileNotFoundError:  # removed by hand: the next write makes it again
            self._made.discard(names)
            raise

    def _note_unsynced(self, target: str, name: str) -> None:
        if self._fsync == "interval":
            with self._lock:
                self._unsynced.setdefault(target, set()).add(name)

    def _sync_target(self, target: str, names: set[str]) -> None:
        with contextlib.suppress(FileNotFoundError), opened(self.path, target) as directory:
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # delivered since
                    file = os.open(name, os.O_RDONLY | NO_LINK, dir_fd=directory)
                    try:
                        os.fsync(file)
                    finally:
                        os.close(file)
            sync_directory(directory)


def _place(entry: Entry, *, quarantined: bool) -> tuple[str, ...]:
    return (QUARANTINE, entry.target) if quarantined else (entry.target,)


def _need_free(directory: int, wanted: int) -> None:
    """Raise OSError (ENOSPC) where the file system has fewer bytes left for this user."""
    status = os.fstatvfs(directory)
    free = status.f_bavail * status.f_frsize
    if free < wanted:
        few = f"only {format_size(free)} are free, and buffer.min_free_bytes is {format_size(wanted)}"
        raise OSError(errno.ENOSPC, few)
