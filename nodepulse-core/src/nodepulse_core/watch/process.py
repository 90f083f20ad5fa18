"""What the kernel says of this process: its time, its memory and its files.

Source: proc_pid_statm(5), getrusage(2), getrlimit(2).
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Literal

from attrs import frozen

PROC = Path("/proc")
_RESIDENT = 1


@frozen
class ProcessUse:
    """What this process uses. What the kernel does not tell is None."""

    cpu_seconds: float
    """User and system time since it began, of all its threads."""
    resident_bytes: int | None
    open_files: int | None
    most_files: int
    """How many files it may have open; -1 where there is no limit."""


def find_resident_bytes(pid: int | Literal["self"] = "self", proc: Path = PROC) -> int | None:
    """Return how much memory a process has; None where the kernel does not tell."""
    try:
        return int((proc / str(pid) / "statm").read_text().split()[_RESIDENT]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return None


def look_at_process(proc: Path = PROC) -> ProcessUse:
    """Return what this process uses now. It reads two files of /proc, which wait for no disk."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    try:
        files = len(list((proc / "self/fd").iterdir()))
    except OSError:
        files = None
    return ProcessUse(
        cpu_seconds=used.ru_utime + used.ru_stime,
        resident_bytes=find_resident_bytes(proc=proc),
        open_files=files,
        most_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    )
