"""What the kernel says of this process."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from nodepulse_core.watch.process import look_at_process


def test_this_process_is_seen() -> None:
    """A file more that is open is counted; memory and time are this process's."""
    before = look_at_process()
    with Path("/dev/null").open():
        after = look_at_process()
    assert before.open_files is not None
    assert after.open_files == before.open_files + 1
    assert after.resident_bytes is not None
    assert 5_000_000 < after.resident_bytes < 10_000_000_000
    assert 0 < before.cpu_seconds <= after.cpu_seconds <= time.process_time()
    assert after.most_files == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_what_is_not_told_is_none(tmp_path: Path) -> None:
    """Without /proc, or with one that makes no sense, memory and files are unknown."""
    assert (look_at_process(tmp_path).resident_bytes, look_at_process(tmp_path).open_files) == (None, None)
    (tmp_path / "self").mkdir()
    (tmp_path / "self/statm").write_text("what\n")
    assert look_at_process(tmp_path).resident_bytes is None
