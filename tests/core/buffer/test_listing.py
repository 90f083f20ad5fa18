"""What lies in a buffer's directory, whatever someone has put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nodepulse_core.buffer.entry_file import LARGEST, name_file
from nodepulse_core.buffer.listing import Listing, list_buffer
from nodepulse_core.errors import StorageError
from support.entries import NOW, entry

NAME = name_file(entry().window)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give the directory of a target in an empty buffer."""
    path = tmp_path / "buffer" / "node"
    path.mkdir(parents=True)
    (path.parent / ".quarantine" / "node").mkdir(parents=True)
    return path


def test_entries_and_quarantined_ones_are_told_apart(home: Path) -> None:
    """Both are listed, each with its size."""
    (home / NAME).write_bytes(b"12345")
    (home.parent / ".quarantine" / "node" / name_file(entry(NOW + 1).window)).write_bytes(b"123")
    listing = list_buffer(home.parent)
    assert [(each, each.size) for each in listing.entries] == [(entry(), 5)]
    assert [(each, each.size) for each in listing.quarantined] == [(entry(NOW + 1), 3)]
    assert listing.foreign == ()


def test_targets_share_a_window(home: Path) -> None:
    """Entries of one slot have one window between them: a long backlog is kept in memory."""
    for target in ("node", "redis"):
        (home.parent / target).mkdir(exist_ok=True)
        (home.parent / target / NAME).touch()
    first, second = list_buffer(home.parent).entries
    assert first.window is second.window


def test_what_is_no_entry_is_named_and_left(home: Path) -> None:
    """Wrong names, links, directories, pipes and files no scrape could be are foreign; nothing happens to them."""
    foreign = [home.parent / "Not A Target", home.parent / "notes", home / "notes.txt", home / "20270230-080000-a.prom"]
    for path in foreign:
        path.write_text("foreign")
    (home / NAME).symlink_to(foreign[0])
    (home.parent / "linked").symlink_to(home)
    (home / name_file(entry(NOW + 1).window)).mkdir()
    os.mkfifo(home / name_file(entry(NOW + 2).window))
    with (home / name_file(entry(NOW + 3).window)).open("wb") as huge:
        huge.truncate(LARGEST + 1)
    foreign += [home / NAME, home.parent / "linked", *(home / name_file(entry(NOW + n).window) for n in (1, 2, 3))]
    listing = list_buffer(home.parent, sweep=True)
    assert listing.entries == ()
    assert set(listing.foreign) == set(foreign)
    assert all(path.exists() for path in foreign)


def test_what_interrupted_work_left_is_swept_by_who_may(home: Path) -> None:
    """A half-written file, and the reason of an entry that never got there, go with a sweep, and stay without one."""
    aside = home.parent / ".quarantine" / "node"
    (aside / NAME).touch()
    (aside / f"{NAME}.reason").write_text("kept")
    orphan = aside / f"{name_file(entry(NOW + 1).window)}.reason"
    half = home / f".writing-{NAME}"
    for path in (orphan, half):
        path.write_text("half")
    assert list_buffer(home.parent).foreign == ()
    assert orphan.exists()
    assert half.exists()
    list_buffer(home.parent, sweep=True)
    assert not orphan.exists()
    assert not half.exists()
    assert (aside / f"{NAME}.reason").read_text() == "kept"


def test_a_directory_that_cannot_be_listed_does_not_stop_the_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One unreadable target is named; what the others hold is found."""
    (home.parent / "redis").mkdir()
    (home.parent / "redis" / NAME).touch()
    real = os.scandir

    def scan(path: Path) -> os._ScandirIterator[str]:
        if Path(path) == home:
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "scandir", scan)
    listing = list_buffer(home.parent)
    assert listing.entries == (entry(target="redis"),)
    assert listing.foreign == (home,)


def test_a_buffer_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    """No directory, and a link to one, are errors that say so; a quarantine that is a link is not looked into."""
    with pytest.raises(StorageError, match="No such file"):
        list_buffer(tmp_path / "none")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StorageError, match="symbolic link"):
        list_buffer(tmp_path / "link")
    (tmp_path / "other" / "node").mkdir(parents=True)
    (tmp_path / "other" / "node" / NAME).touch()
    (tmp_path / "real" / ".quarantine").symlink_to(tmp_path / "other")
    assert list_buffer(tmp_path / "real").quarantined == ()


def test_only_the_first_foreign_paths_are_named() -> None:
    """A directory full of other things makes no line of a mile."""
    listing = Listing((), (), tuple(Path(f"/b/{index}") for index in range(12)))
    assert listing.name_foreign() == "/b/0, /b/1, /b/2, /b/3, /b/4 and 7 more"
