"""The configuration as a file: where it is found, and what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nodepulse_core.config_file import find_config, read_content
from nodepulse_core.errors import ConfigError


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Give the five places, with a file in each of those that are searched, and that stand in for this machine's."""
    here, home = tmp_path / "here", tmp_path / "home" / ".nodepulse"
    for folder in (here, home, tmp_path / "etc"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    found = {
        "shared": tmp_path / "etc" / "nodepulse.yml",
        "home": home / "nodepulse.yml",
        "here": Path("nodepulse.yml"),
    }
    for path in found.values():
        path.write_text("server: {}\n")
    return found


def test_places_are_searched_in_their_order(places: dict[str, Path], tmp_path: Path) -> None:
    """--config, then $NODEPULSE_CONFIG, then the machine's, the user's, and the directory's."""
    environ = {"HOME": str(tmp_path / "home"), "NODEPULSE_CONFIG": "/named.yml"}
    shared = places["shared"]
    assert find_config(Path("explicit.yml"), environ, shared=shared) == Path("explicit.yml")
    assert find_config(None, environ, shared=shared) == Path("/named.yml")
    environ["NODEPULSE_CONFIG"] = ""
    for name in ("shared", "home", "here"):
        assert find_config(None, environ, shared=shared) == places[name]
        places[name].unlink()


def test_where_there_is_none_all_places_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error lists where it was looked for, and how to have one made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        find_config(None, {"HOME": "/home/me"}, shared=tmp_path / "shared.yml")
    assert str(caught.value) == (
        f"no configuration found: looked in {tmp_path}/shared.yml, /home/me/.nodepulse/nodepulse.yml, nodepulse.yml; "
        "write one with: nodepulse config init"
    )


def test_a_place_that_must_not_be_looked_at_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not passed over in silence for another one: reading it says what is wrong."""

    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert find_config(None, {}, shared=Path("/etc/nodepulse/nodepulse.yml")) == Path("/etc/nodepulse/nodepulse.yml")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A directory, a pipe, a missing file, one too large, and a name that is none, each with its reason."""
    (tmp_path / "large").write_bytes(b"#" * (256 * 1024 + 1))
    said = {}
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "missing", "large", "nul\0", "pipe"):
        with pytest.raises(ConfigError) as caught:
            read_content(tmp_path / name)
        said[name] = str(caught.value).removeprefix(str(tmp_path / name))
    assert said == {
        ".": ": it is a directory",
        "pipe": ": it is no regular file",
        "missing": ": it cannot be read: No such file or directory",
        "large": ": it is larger than 256 KiB, which no configuration is",
        "nul\0": ": it cannot be read: embedded null byte",
    }


def test_a_file_without_permission_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the system's reason."""
    (tmp_path / "secret.yml").touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError, match=r"secret\.yml: it cannot be read: Permission denied"):
        read_content(tmp_path / "secret.yml")
