"""Directories and files: no link is followed, no foreign file is written to, and a disk's refusals come through."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from nodepulse_core.buffer.directory import (
    is_taken,
    make_directory,
    make_root,
    opened,
    sync_directory,
    write_file,
)
from support.entries import open_files


def test_directories_are_opened_from_the_root_down(tmp_path: Path) -> None:
    """The names lead to the directory, and nothing stays open afterwards."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    before = open_files()
    with opened(tmp_path, "a", "b") as directory:
        assert os.path.samestat(os.fstat(directory), (tmp_path / "a" / "b").stat())
    with pytest.raises(FileNotFoundError), opened(tmp_path, "a", "c"):
        pass
    assert open_files() == before


@pytest.mark.parametrize("link", ["root", "root/a", "root/a/b"])
def test_a_link_is_followed_at_no_level(link: str, tmp_path: Path) -> None:
    """A link in place of the root, of a directory in it, or of the last one is an error."""
    (tmp_path / "elsewhere" / "a" / "b").mkdir(parents=True)
    real = tmp_path / "root" / "a" / "b"
    while not (tmp_path / link).parent.is_dir():
        (tmp_path / link).parent.mkdir(parents=True)
    (tmp_path / link).symlink_to(tmp_path / Path("elsewhere", *Path(link).parts[1:]))
    assert real.is_dir() or link == "root/a/b"
    with pytest.raises(OSError), opened(tmp_path / "root", "a", "b"):  # noqa: PT011 - ELOOP or ENOTDIR, as the kernel has it
        pass


def test_a_root_is_made_durable_with_all_it_lies_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new directory is entered in its parent on disk: the parents of all of them are synced."""
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    root = tmp_path / "a" / "b" / "buffer"
    make_root(root)
    assert {path.stat().st_ino for path in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")} <= synced
    assert [path.stat().st_mode & 0o777 for path in (root, root.parent, root.parent.parent)] == [0o700] * 3


def test_a_root_below_a_link_is_the_operators_business(tmp_path: Path) -> None:
    """Where the directory above is reached by a link the root is made all the same."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "disk")
    make_root(tmp_path / "var" / "buffer")
    assert (tmp_path / "disk" / "buffer").is_dir()


@pytest.mark.parametrize("durable", [True, False])
def test_directories_are_made_durable_level_by_level(
    durable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each parent is synced where that is wanted, also where a former run made the directory and ended before it."""
    (tmp_path / "a").mkdir()
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    make_directory(tmp_path, "a", "b", durable=durable)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert synced == ({tmp_path.stat().st_ino, (tmp_path / "a").stat().st_ino} if durable else set())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_makes_belongs_to_who_owns_the_buffer(tmp_path: Path) -> None:
    """A command that is called as root leaves nothing behind that the agent's own user may not use."""
    os.chown(tmp_path, 1234, 1234)
    make_directory(tmp_path, "a", "b", durable=False)
    assert [path.stat().st_uid for path in (tmp_path / "a", tmp_path / "a" / "b")] == [1234, 1234]


@pytest.mark.parametrize(("code", "raises"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_only_a_file_system_without_it_may_refuse_to_sync(
    code: int, raises: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that cannot be synced at all is as good as it gets; one that fails to be is an error."""

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with opened(tmp_path) as directory:
        if raises:
            with pytest.raises(OSError, match="Input/output"):
                sync_directory(directory)
        else:
            sync_directory(directory)


def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes seven bytes at a time gets them all; one that takes none is an error, not a loop."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data)[:7]))
    with opened(tmp_path) as directory:
        write_file(directory, "x", b"0123456789" * 10, durable=True)
        assert (tmp_path / "x").read_bytes() == b"0123456789" * 10
        monkeypatch.setattr(os, "write", lambda *_: 0)
        with pytest.raises(OSError, match="takes nothing"):
            write_file(directory, "y", b"0", durable=False)


def test_what_bears_the_name_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    """A leftover that is a hard link or a symbolic link to another file leaves that file as it was."""
    other = tmp_path / "other"
    other.write_text("not ours")
    os.link(other, tmp_path / "hard")
    (tmp_path / "soft").symlink_to(other)
    with opened(tmp_path) as directory:
        for name in ("hard", "soft"):
            write_file(directory, name, b"ours", durable=False)
            assert (tmp_path / name).read_bytes() == b"ours"
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert other.read_text() == "not ours"


def test_a_name_is_taken_by_a_file_only(tmp_path: Path) -> None:
    """A file has the name, nothing has it, or something else has it, which is an error that says so."""
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("file")
    with opened(tmp_path) as directory:
        assert is_taken(directory, "file")
        assert not is_taken(directory, "nothing")
        for name in ("directory", "link"):
            with pytest.raises(FileExistsError, match="is no file"):
                is_taken(directory, name)
