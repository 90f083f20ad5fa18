"""Power cuts on a real ext4: what was reported stored is there afterwards, whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodepulse_core.buffer import Store
from nodepulse_core.buffer.store import Fsync
from nodepulse_core.model import Entry
from support.disks import Disk, need_mounts
from support.entries import NOW
from support.writer import Writer, check, note

CUTS = 100


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Give a mounted disk of its own."""
    need_mounts(tmp_path)
    made = Disk(tmp_path)
    made.mount()
    yield made
    made.unmount()


def cut(disk: Disk, fsync: Fsync, first: int, stored: set[Entry], lines: int) -> int:
    """Write until so many lines were said, cut the power, start again; return the next free slot."""
    writer = Writer(disk.path / "deep" / "buffer", fsync, first)
    try:
        writer.listen(lines)
        # Only what was said before the cut counts: a dying file system may still answer an fsync with success.
        before = writer.said()
        disk.cut_power()
        writer.kill()
        # What it was about to deliver may be gone.
        after = [line for line in writer.said() if line.startswith("-")]
    finally:
        writer.close()
    disk.unmount()
    disk.mount()
    note(before + after, stored)
    return max((int(line.split()[2]) for line in before), default=first) + 100


def test_nothing_stored_is_lost_in_a_power_cut(disk: Disk) -> None:
    """After each of a hundred cuts every entry that was reported stored is whole, and no other is torn."""
    draw = random.Random()
    stored: set[Entry] = set()
    first, reported = NOW, 0
    path = disk.path / "deep" / "buffer"
    for number in range(CUTS):
        known = set(stored)
        first = cut(disk, "always", first, stored, draw.randint(1, 25))
        reported += len(stored - known)
        lost, torn = check(path, stored)
        assert (lost, torn) == (set(), set()), f"cut {number}"
        for each in sorted(stored)[:-20]:  # a small disk
            Store(path).remove(each)
            stored.discard(each)
    assert reported > CUTS


def test_the_cuts_are_real(disk: Disk) -> None:
    """The same cuts do lose entries of a buffer that syncs nothing: the test above can fail."""
    stored: set[Entry] = set()
    cut(disk, "never", NOW, stored, 40)
    lost, torn = check(disk.path / "deep" / "buffer", stored)
    assert lost | torn
