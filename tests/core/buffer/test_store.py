"""The files of the buffer: whole or not there, at every call that may fail, and never by way of a link."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nodepulse_core.buffer.entry_file import encode, name_file
from nodepulse_core.buffer.store import Store
from nodepulse_core.errors import EntryError, StorageError
from support.entries import BODY, NOW, entry, open_files

CONTENT = encode(entry(), "node_exporter", BODY)
NAME = name_file(entry().window)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty buffer's files."""
    made = Store(tmp_path / "buffer")
    made.create()
    return made


def fail(code: int) -> Callable[..., None]:
    """Return a call that fails."""

    def call(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return call


def files(store: Store) -> set[str]:
    """Return all files below a buffer."""
    return {str(path.relative_to(store.path)) for path in store.path.rglob("*") if path.is_file()}


def test_a_written_entry_is_read(store: Store) -> None:
    """What was written is there, and once only."""
    assert store.write(entry(), CONTENT)
    assert not store.write(entry(), CONTENT)
    assert store.read(entry()).text == BODY.decode()
    assert store.exists(entry())
    assert files(store) == {f"node/{NAME}"}
    store.remove(entry())
    store.remove(entry())
    assert not store.exists(entry())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EMFILE])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename", "fstatvfs"])
def test_a_write_that_fails_leaves_nothing_behind(
    call: str, code: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever call fails first or second, there is no file, no open descriptor, and the next write works."""
    real = getattr(os, call)
    before = open_files()
    for good in (0, 1, 2):
        calls = iter(range(100))

        def sometimes(*args: object, good: int = good, calls: object = calls, **kwargs: object) -> object:
            # Bound early, so that each round has its own count.
            if next(calls) >= good:  # type: ignore[call-overload]  # an iterator
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        with monkeypatch.context() as broken:
            broken.setattr(os, call, sometimes)
            with contextlib.suppress(OSError):
                store.write(entry(NOW + good), encode(entry(NOW + good), "node_exporter", BODY))
                store.remove(entry(NOW + good))  # it needed fewer calls than that
        assert files(store) == set()
        assert open_files() == before
    assert store.write(entry(), CONTENT)


def test_what_cannot_be_entered_durably_is_taken_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the directory's fsync fails the file was renamed already; it goes, since its scrape is said lost."""
    store.write(entry(NOW + 1), encode(entry(NOW + 1), "node_exporter", BODY))
    real = os.fsync
    synced: list[int] = []

    def second_fails(file: int) -> None:
        synced.append(file)
        if len(synced) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(file)

    monkeypatch.setattr(os, "fsync", second_fails)
    with pytest.raises(OSError, match="Input/output"):
        store.write(entry(), CONTENT)
    assert not store.exists(entry())


def test_the_order_of_a_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new target's directory is durable first; then the file, its name, and the name's directory."""
    steps: list[str] = []
    kinds = {store.path.stat().st_ino: "root"}

    def note(file: int) -> None:
        inode = os.fstat(file).st_ino
        target = store.path / "node"
        kind = "target" if target.exists() and inode == target.stat().st_ino else "file"
        steps.append(f"sync {kinds.get(inode, kind)}")

    real = os.rename

    def rename(*args: object, **kwargs: object) -> None:
        steps.append("rename")
        real(*args, **kwargs)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(os, "rename", rename)
    store.write(entry(), CONTENT)
    assert steps == ["sync root", "sync file", "rename", "sync target"]
    steps.clear()
    store.write(entry(NOW + 1), CONTENT)
    assert steps == ["sync file", "rename", "sync target"]


@pytest.mark.parametrize("mode", ["interval", "never"])
def test_who_asks_for_less_gets_less(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `always` a write syncs nothing; with `interval` the next sync does, files, directories and all."""
    store = Store(tmp_path / "buffer", mode)  # type: ignore[arg-type]  # one of the three
    store.create()
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    for slot in (NOW, NOW + 1):
        store.write(entry(slot), encode(entry(slot), "node_exporter", BODY))
    store.remove(entry(NOW + 1))
    assert synced == set()
    store.sync()
    home = store.path / "node"
    wanted = {store.path.stat().st_ino, home.stat().st_ino, (home / NAME).stat().st_ino}
    assert synced == (wanted if mode == "interval" else set())
    synced.clear()
    store.sync()
    assert synced == set()


def test_a_sync_that_fails_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one sync did not reach, the next one does; a target that was removed is forgotten."""
    store = Store(tmp_path / "buffer", "interval")
    store.create()
    store.write(entry(target="gone"), CONTENT)
    store.write(entry(), CONTENT)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail(errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            store.sync()
    (store.path / "gone" / NAME).unlink()
    (store.path / "gone").rmdir()
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    store.sync()
    assert (store.path / "node" / NAME).stat().st_ino in synced


def test_fewer_free_bytes_than_wanted_are_a_full_disk(store: Store) -> None:
    """Below the limit nothing is written, and the error says both numbers."""
    with pytest.raises(OSError, match=r"are free, and buffer\.min_free_bytes is") as caught:
        store.write(entry(), CONTENT, keep_free=2**62)
    assert caught.value.errno == errno.ENOSPC
    assert files(store) == set()


def test_something_else_under_the_name_is_an_error(store: Store) -> None:
    """A directory in the place of an entry's file is neither replaced nor taken for the entry."""
    (store.path / "node" / NAME).mkdir(parents=True)
    with pytest.raises(FileExistsError, match="is no file"):
        store.write(entry(), CONTENT)
    assert not store.exists(entry())
    with pytest.raises(EntryError, match="no regular file"):
        store.read(entry())


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO])
def test_what_cannot_be_read_now_is_not_called_damaged(
    code: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is short of something, or a disk that fails for a while, says nothing about the entry."""
    store.write(entry(), CONTENT)
    with monkeypatch.context() as broken:
        broken.setattr(os, "open", fail(code))
        with pytest.raises(StorageError) as caught:
            store.read(entry())
    assert not isinstance(caught.value, EntryError)
    assert store.read(entry()).text == BODY.decode()


def test_a_pipe_is_not_waited_for(store: Store) -> None:
    """A pipe that bears an entry's name is told at once."""
    (store.path / "node").mkdir()
    os.mkfifo(store.path / "node" / NAME)
    with pytest.raises(EntryError, match="no regular file"):
        store.read(entry())


def test_a_quarantined_entry_keeps_its_reason_and_comes_back(store: Store) -> None:
    """Put aside, it is read by its reason; released, it waits again, and the reason is gone."""
    store.write(entry(), CONTENT)
    store.quarantine(entry(), "refused:\nno good")
    assert files(store) == {f".quarantine/node/{NAME}", f".quarantine/node/{NAME}.reason"}
    assert store.reason(entry()) == "refused:\nno good"
    assert store.read_bytes(entry(), quarantined=True) == CONTENT
    store.release(entry())
    assert files(store) == {f"node/{NAME}"}
    assert store.reason(entry()) == "no reason was written down"
    store.quarantine(entry(), "again")
    store.remove_quarantined(entry())
    assert files(store) == set()


def test_no_entry_takes_the_place_of_another(store: Store) -> None:
    """Neither a quarantined entry nor one that waits is overwritten by the one that comes its way."""
    store.write(entry(), CONTENT)
    store.quarantine(entry(), "the first")
    store.write(entry(), CONTENT)
    with pytest.raises(FileExistsError, match="quarantined already"):
        store.quarantine(entry(), "the second")
    assert store.reason(entry()) == "the first"
    with pytest.raises(FileExistsError, match="slot has an entry"):
        store.release(entry())
    assert len(files(store)) == 3


def test_a_quarantine_that_fails_leaves_the_entry_where_it_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the move fails the reason goes again; where only the reason cannot be written, the entry moves."""
    store.write(entry(), CONTENT)
    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", fail(errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            store.quarantine(entry(), "bad")
    assert files(store) == {f"node/{NAME}"}
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", fail(errno.ENOSPC))
        store.quarantine(entry(), "bad")
    assert f".quarantine/node/{NAME}" in files(store)


@pytest.mark.parametrize("linked", ["buffer", "buffer/node", "buffer/.quarantine", "buffer/.quarantine/node"])
def test_a_link_leads_nowhere(linked: str, tmp_path: Path) -> None:
    """Whichever directory became a link, nothing behind it is read, written, moved or removed."""
    place = ".quarantine" if "quarantine" in linked else ""
    outside = tmp_path / "outside"
    behind = outside / Path(place, "node").relative_to(Path(*Path(linked).parts[1:]))
    behind.mkdir(parents=True)
    secret = behind / NAME
    secret.write_bytes(CONTENT)
    link = tmp_path / linked
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    store = Store(tmp_path / "buffer")
    if place:
        store.write(entry(), CONTENT)
        calls: list[Callable[[], object]] = [
            lambda: store.quarantine(entry(), "bad"),
            lambda: store.release(entry(NOW + 1)),
            lambda: store.remove_quarantined(entry()),
            lambda: store.read_bytes(entry(), quarantined=True),
        ]
    else:
        calls = [
            lambda: store.write(entry(NOW + 1), CONTENT),
            lambda: store.read(entry()),
            lambda: store.remove(entry()),
            lambda: store.quarantine(entry(), "bad"),
        ]
    for call in calls:
        with pytest.raises((OSError, StorageError)):
            call()
    assert [path.name for path in behind.iterdir()] == [NAME]
    assert secret.read_bytes() == CONTENT


def test_a_buffer_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """The error says that it is one."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(StorageError, match="symbolic link; name the directory itself"):
        Store(tmp_path / "link").create()


def test_a_target_removed_by_hand_is_made_again(store: Store) -> None:
    """The scrape that meets the gap is lost and says so; the next one is stored."""
    store.write(entry(), CONTENT)
    (store.path / "node" / NAME).unlink()
    (store.path / "node").rmdir()
    with pytest.raises(FileNotFoundError):
        store.write(entry(NOW + 1), CONTENT)
    assert store.write(entry(NOW + 2), CONTENT)
