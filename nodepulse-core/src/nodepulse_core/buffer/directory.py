"""Directories and files as the kernel hands them out: opened one level at a time, so no symbolic link is followed.

Blocking. Everything here raises OSError as it comes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | NO_LINK


@contextlib.contextmanager
def opened(root: Path, *names: str) -> Iterator[int]:
    """Open the directory that the names lead to, from a root downwards."""
    directory = os.open(root, _DIRECTORY)
    try:
        for name in names:
            outer, directory = directory, os.open(name, _DIRECTORY, dir_fd=directory)
            os.close(outer)
        yield directory
    finally:
        os.close(directory)


def make_root(root: Path) -> None:
    """Make a directory and the ones it lies in where they are missing, 0700, each entered durably in its parent."""
    missing = [path for path in (root, *root.parents) if not path.exists() and not path.is_symlink()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    for path in missing or [root]:
        # A run that ended between mkdir and fsync leaves a directory that the next power cut may take.
        with contextlib.suppress(PermissionError), opened(path.parent.resolve()) as parent:
            sync_directory(parent)


def make_directory(root: Path, *names: str, durable: bool) -> None:
    """Make the directories that the names lead to, 0700, where they are missing, for the owner of the root."""
    for depth, name in enumerate(names):
        with opened(root, *names[:depth]) as parent:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=parent)
                give_to_owner(parent, name)
            if durable:
                sync_directory(parent)


def give_to_owner(directory: int, name: str) -> None:
    """Give what root has just made to the owner of its directory, whose agent has to use it."""
    if os.geteuid() == 0:
        owner = os.fstat(directory)
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=directory, follow_symlinks=False)


def sync_directory(directory: int) -> None:
    """Make a directory's names durable; a file system that has no such thing (EINVAL) cannot do better."""
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def write_file(directory: int, name: str, content: bytes, *, durable: bool) -> None:
    """Write a new file, 0600, in place of what an interrupted write may have left under its name."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK, 0o600, dir_fd=directory)
    try:
        left = memoryview(content)
        while left:  # a write may be short without an error
            written = os.write(file, left)
            if not written:
                raise OSError(errno.EIO, "the disk takes nothing")
            left = left[written:]
        if durable:
            os.fsync(file)
    finally:
        os.close(file)


def read_file(directory: int, name: str, most: int) -> bytes:
    """Return a file's first bytes, so many at most; raises OSError (EINVAL) where it is no regular file."""
    # A pipe that bears the name must not be waited for.
    file = os.open(name, os.O_RDONLY | os.O_NONBLOCK | NO_LINK, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        with os.fdopen(file, "rb", closefd=False) as stream:
            return stream.read(most)
    finally:
        os.close(file)


def is_taken(directory: int, name: str) -> bool:
    """Tell whether a file bears the name; raises FileExistsError where something else does."""
    try:
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, f"something that is no file bears the name {name}")
    return True
