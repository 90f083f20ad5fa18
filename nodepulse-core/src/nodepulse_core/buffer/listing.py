"""What lies in a buffer's directory: entries, quarantined entries, and what is neither."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from nodepulse_core.buffer.entry_file import LARGEST, TARGET_NAME, read_name
from nodepulse_core.errors import StorageError
from nodepulse_core.model import Entry, Window

QUARANTINE = ".quarantine"
TEMPORARY = ".writing-"
REASON = ".reason"
_NAMED = 5


@frozen
class Listing:
    """What a buffer holds: entries, quarantined entries, and the paths that are neither and were left alone."""

    entries: tuple[Entry, ...]
    quarantined: tuple[Entry, ...]
    foreign: tuple[Path, ...]

    def name_foreign(self) -> str:
        """Name what is no entry, the first few of it."""
        more = f" and {len(self.foreign) - _NAMED} more" if len(self.foreign) > _NAMED else ""
        return ", ".join(str(path) for path in self.foreign[:_NAMED]) + more


def list_buffer(path: Path, *, sweep: bool = False) -> Listing:
    """List a whole buffer once; with `sweep`, remove what interrupted work left behind.

    Raises StorageError where the buffer itself cannot be listed.
    """
    walk = _Walk(sweep=sweep)
    try:
        if path.is_symlink():
            raise StorageError(f"cannot list the buffer {path}: it is a symbolic link; name the directory itself")
        entries = tuple(walk.targets(path))
        aside = path / QUARANTINE
        quarantined = tuple(walk.targets(aside)) if aside.is_dir() and not aside.is_symlink() else ()
    except OSError as error:
        raise StorageError(f"cannot list the buffer {path}: {error.strerror}") from error
    return Listing(entries, quarantined, tuple(walk.foreign))


class _Walk:
    """One walk through a buffer. Each file name is read once, and its window shared by all targets that have it."""

    def __init__(self, *, sweep: bool) -> None:
        self.foreign: list[Path] = []
        self._sweep = sweep
        self._windows: dict[str, Window | None] = {}

    def targets(self, root: Path) -> Iterator[Entry]:
        with os.scandir(root) as found:
            for item in found:
                if item.is_dir(follow_symlinks=False) and TARGET_NAME.fullmatch(item.name):
                    yield from self._target(Path(item.path))
                elif not item.name.startswith("."):
                    self.foreign.append(Path(item.path))

    def _target(self, directory: Path) -> Iterator[Entry]:
        target = sys.intern(directory.name)
        reasons: list[str] = []
        try:
            with os.scandir(directory) as found:
                for item in found:
                    name = item.name
                    window = self._window(name)
                    if window is not None and item.is_file(follow_symlinks=False):
                        size = item.stat(follow_symlinks=False).st_size
                        if size <= LARGEST:
                            yield Entry(window, target, size)
                            continue
                    if name.startswith(TEMPORARY):
                        self._remove(directory / name)
                    elif name.endswith(REASON) and self._window(name.removesuffix(REASON)):
                        reasons.append(name)
                    else:
                        self.foreign.append(directory / name)
        except OSError:  # one that cannot be listed does not keep the others from their delivery
            self.foreign.append(directory)
            return
        for name in reasons:
            if not (directory / name.removesuffix(REASON)).exists():
                self._remove(directory / name)

    def _window(self, name: str) -> Window | None:
        if name not in self._windows:
            self._windows[name] = read_name(name)
        return self._windows[name]

    def _remove(self, path: Path) -> None:
        if self._sweep:
            with contextlib.suppress(OSError):  # it is met again at the next start
                path.unlink()
