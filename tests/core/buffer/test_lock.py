"""One agent per buffer: whoever else comes is refused, and who only looks is in nobody's way."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nodepulse_core.buffer.lock import BufferLock, lock_holder, locked
from nodepulse_core.errors import StorageError
from support.entries import open_files

HOLD = """
import sys, pathlib
from nodepulse_core.buffer import locked
with locked(pathlib.Path(sys.argv[1])):
    print(flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    """The refusal says which process has the buffer; once that is killed, it is free at once."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StorageError, match=f"in use by process {holder.pid};"), locked(tmp_path):
            pass
        assert lock_holder(tmp_path) == holder.pid
        holder.kill()
        holder.wait()
    assert lock_holder(tmp_path) is None
    with locked(tmp_path):
        assert lock_holder(tmp_path) == os.getpid()


def test_who_only_looks_is_waited_for(tmp_path: Path) -> None:
    """A shared lock, as a look at the holder takes it, delays an agent's start and does not refuse it."""
    with locked(tmp_path):
        pass
    looking = os.open(tmp_path / ".lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    end = threading.Timer(0.05, os.close, [looking])
    end.start()
    with locked(tmp_path):
        assert lock_holder(tmp_path) == os.getpid()
    end.join()


def test_a_removed_lock_file_is_taken_anew(tmp_path: Path) -> None:
    """Someone who removes the file of a living agent's lock does not let a second agent in."""
    lock = BufferLock(tmp_path)
    lock.acquire()
    (tmp_path / ".lock").unlink()
    lock.confirm()
    with pytest.raises(StorageError, match="in use"), locked(tmp_path):
        pass
    lock.release()


def test_a_lock_is_taken_anew_once(tmp_path: Path) -> None:
    """Threads that find the file gone at the same time neither lose the lock nor close what is not theirs."""
    lock = BufferLock(tmp_path)
    lock.acquire()
    before = open_files()
    for _ in range(50):
        (tmp_path / ".lock").unlink()
        with ThreadPoolExecutor(4) as threads:
            for confirmed in [threads.submit(lock.confirm) for _ in range(8)]:
                confirmed.result()
        assert lock_holder(tmp_path) == os.getpid()
    assert open_files() == before
    lock.release()


def test_a_replaced_lock_file_ends_the_right_to_write(tmp_path: Path) -> None:
    """Where another took the new lock file meanwhile, the first one has the buffer no more."""
    first, second = BufferLock(tmp_path), BufferLock(tmp_path)
    first.acquire()
    (tmp_path / ".lock").unlink()
    second.acquire()
    with pytest.raises(StorageError, match="in use"):
        first.confirm()
    second.confirm()
    second.release()


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel cannot lock there, the agent does not start, and says what to set."""
    before = open_files()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageError, match=r"No locks available; set buffer\.path"), locked(tmp_path):
        pass
    assert lock_holder(tmp_path) is None
    assert open_files() == before


def test_a_full_disk_keeps_no_agent_from_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the holder may not fit on the disk; the lock holds all the same."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with locked(tmp_path):
        with pytest.raises(StorageError, match="in use by process unknown"), locked(tmp_path):
            pass
        assert lock_holder(tmp_path) is None


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/etc/hostname")])
def test_what_is_no_lock_file_is_an_error(make: object, tmp_path: Path) -> None:
    """A directory or a link in place of the lock file is neither used nor removed."""
    make(tmp_path / ".lock")  # type: ignore[operator]  # either of two
    with pytest.raises(StorageError, match="cannot open"), locked(tmp_path):
        pass
    assert lock_holder(tmp_path) is None


def test_without_a_buffer_there_is_no_holder(tmp_path: Path) -> None:
    """A look at a buffer that is not there makes nothing."""
    assert lock_holder(tmp_path / "none") is None
    assert list(tmp_path.iterdir()) == []
