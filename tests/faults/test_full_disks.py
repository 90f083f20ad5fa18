"""Disks that are full, read-only or limited, for real: a refused scrape is counted, and all else is as before."""

from __future__ import annotations

import resource
from collections import deque
from itertools import repeat
from pathlib import Path

import pytest
from nodepulse_core.buffer import Buffer
from nodepulse_core.errors import StorageError
from support.disks import memory_disk, need_mounts, remount
from support.entries import BODY, NOW, balance, entry, limits

LARGE = BODY * 400


async def fill(buffer: Buffer, entries: int) -> int:
    """Store so many entries in a row; return how many were refused."""
    refused = 0
    for slot in range(NOW, NOW + entries):
        try:
            await buffer.put(entry(slot), "node_exporter", LARGE, now=NOW)
        except StorageError:
            refused += 1
        assert balance(buffer)
    return refused


def assert_whole(buffer: Buffer) -> None:
    """Read everything that waits."""
    for each in buffer.entries(buffer.first(10**6, lambda _: True)):
        assert buffer.read(each).text == LARGE.decode()


@pytest.mark.parametrize("options", ["size=64k", "nr_inodes=12", "size=64k,nr_inodes=12"])
async def test_a_full_disk_keeps_the_newest(options: str, tmp_path: Path) -> None:
    """Where bytes or inodes end, each new entry takes the oldest one's place, and nothing is refused."""
    need_mounts(tmp_path)
    with memory_disk(tmp_path / "disk", options) as disk:
        buffer = Buffer(disk / "buffer", limits(), "never")
        buffer.open()
        assert await fill(buffer, 60) == 0
        slots = [window.slot for window in buffer.first(100, lambda _: True)]
        assert slots == list(range(NOW + 60 - len(slots), NOW + 60))
        assert buffer.books.evicted == 60 - len(slots) > 0
        assert_whole(buffer)
        await buffer.close()
        again = Buffer(disk / "buffer", limits(), "never")
        again.open()  # on the full disk
        assert again.count == len(slots)
        await again.close()


async def test_a_disk_filled_by_another_refuses_and_recovers(tmp_path: Path) -> None:
    """While someone else has the whole disk scrapes are refused; once it goes they are stored, and none is lost."""
    need_mounts(tmp_path)
    with memory_disk(tmp_path / "disk", "size=256k") as disk:
        buffer = Buffer(disk / "buffer", limits(), "never")
        buffer.open()
        with (disk / "log").open("wb", buffering=0) as log, pytest.raises(OSError, match="No space"):
            deque(map(log.write, repeat(bytes(4096))), maxlen=0)
        assert await fill(buffer, 10) == 10
        assert buffer.books.refused == 10
        (disk / "log").unlink()
        assert await fill(buffer, 10) == 0
        assert_whole(buffer)
        await buffer.close()


async def test_a_disk_that_turns_read_only_and_back(tmp_path: Path) -> None:
    """What is stored can still be read and delivered; scrapes are refused until it can be written again."""
    need_mounts(tmp_path)
    with memory_disk(tmp_path / "disk", "size=1m") as disk:
        buffer = Buffer(disk / "buffer", limits(), "never")
        buffer.open()
        await fill(buffer, 5)
        # The lock's file is open for writing, which keeps a mount from turning read-only; a failing disk does not ask.
        buffer._lock.release()
        remount(disk, "ro")
        with pytest.raises(StorageError, match="Read-only file system; this scrape is lost"):
            await buffer.put(entry(NOW + 5), "node_exporter", LARGE, now=NOW)
        assert_whole(buffer)
        await buffer.ack([entry(NOW)])
        await buffer.quarantine(entry(NOW + 1), "refused")
        assert (buffer.count, buffer.books.delivered, buffer.books.left) == (3, 1, 1)
        assert balance(buffer)
        with pytest.raises(StorageError, match="Read-only file system"):
            Buffer(disk / "buffer", limits()).open()
        remount(disk, "rw")
        assert await buffer.put(entry(NOW + 6), "node_exporter", LARGE, now=NOW)
        await buffer.close()
        again = Buffer(disk / "buffer", limits(), "never")
        again.open()
        assert again.count == 6  # the delivered one and the one that was left are met again
        await again.close()


async def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """A file that may not grow that far is refused with the kernel's reason, and no part of it stays."""
    buffer = Buffer(tmp_path / "buffer", limits())
    buffer.open()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageError, match="File too large; this scrape is lost"):
            await buffer.put(entry(), "node_exporter", LARGE, now=NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((buffer.path / "node").iterdir()) == []
    assert await buffer.put(entry(), "node_exporter", LARGE, now=NOW)
    assert balance(buffer)
    await buffer.close()
