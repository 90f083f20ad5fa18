"""Disks that fail on demand: file systems of their own in a file or in memory, whose power can be cut."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.programs import PATIENCE, REQUIRED, need

_SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN, linux/fs.h
_NOTHING_MORE = struct.pack("I", 2)  # FS_SHUTDOWN_FLAGS_NOLOGFLUSH: what is not on disk by now is lost


def need_mounts(tmp_path: Path) -> None:
    """Skip with the reason where this user may not mount; fail where the run requires everything."""
    need("mount", "umount", "losetup", "mkfs.ext4")
    probe = tmp_path / "probe"
    probe.mkdir()
    tried = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(probe)], capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        subprocess.run(["umount", str(probe)], check=True)
        return
    reason = f"cannot mount: {tried.stderr.strip()}"
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)


class Disk:
    """An ext4 in a file."""

    def __init__(self, home: Path) -> None:
        self._image = home / "image"
        self.path = home / "disk"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(32 * 1024**2)
        subprocess.run(["mkfs.ext4", "-qF", str(self._image)], check=True)

    def mount(self) -> None:
        """Mount it; after a power cut this is where the journal is played back."""
        subprocess.run(["mount", "-o", "loop", str(self._image), str(self.path)], check=True)

    def cut_power(self) -> None:
        """Drop everything that has not reached the disk; all that is open fails from here on."""
        root = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(root, _SHUTDOWN, _NOTHING_MORE)
        finally:
            os.close(root)

    def unmount(self) -> None:
        """Unmount it, for everyone.

        A process in a mount namespace of its own, as a browser's, may have been started meanwhile and hold a copy of
        the mount; until that ends, the next mount would be of the same file system, cut off as it is.
        """
        subprocess.run(["umount", str(self.path)], check=True)
        end = time.monotonic() + PATIENCE
        while subprocess.run(["losetup", "-j", str(self._image)], check=True, capture_output=True).stdout:
            assert time.monotonic() < end, f"another mount namespace holds {self.path}"
            time.sleep(0.02)


@contextlib.contextmanager
def memory_disk(path: Path, options: str) -> Iterator[Path]:
    """Give a small file system in memory, with the options of tmpfs."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def remount(path: Path, how: str) -> None:
    """Make a mounted file system read-only (`ro`) or writable again (`rw`)."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(path)], check=True)
