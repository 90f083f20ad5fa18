"""The state directory, the buffer's place, and who this agent is."""

from __future__ import annotations

import re
import stat
import uuid
from pathlib import Path

import pytest
from core.config.cases import load_text
from nodepulse_core.config import Settings, find_buffer, find_server_id, find_state_dir
from nodepulse_core.config import state as room
from nodepulse_core.errors import NodePulseError


def settings(keys: str = "") -> Settings:
    """Return settings with some keys of `agent` and `buffer`."""
    return load_text(f"server: {{endpoint: http://d/}}\nexporters: {{a: {{endpoint: http://x/}}}}\n{keys}").settings


def test_the_configured_directory_counts() -> None:
    """agent.state_dir and buffer.path come before all else."""
    wanted = settings("agent: {state_dir: /srv/state}\nbuffer: {path: /srv/buffer}\n")
    assert find_state_dir(wanted, {}) == Path("/srv/state")
    assert find_buffer(wanted, Path("/srv/state")) == Path("/srv/buffer")
    assert find_buffer(settings(), Path("/srv/state")) == Path("/srv/state/buffer")


def test_without_one_the_machines_directory_or_the_users_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's where this user may write it; else $XDG_STATE_HOME, else a directory at home."""
    monkeypatch.setattr(room, "SHARED_STATE", tmp_path / "nodepulse")
    assert find_state_dir(settings(), {}) == tmp_path / "nodepulse"
    monkeypatch.setattr(room.os, "access", lambda *_: False)
    assert find_state_dir(settings(), {"HOME": "/home/me"}) == Path("/home/me/.local/state/nodepulse")
    assert find_state_dir(settings(), {"HOME": "/home/me", "XDG_STATE_HOME": "/x"}) == Path("/x/nodepulse")


def test_an_id_is_made_once_and_kept_to_its_user(tmp_path: Path) -> None:
    """A UUID of version 4, in a file of mode 0600, the same at the next start; also where the id is all zeros."""
    zeros = settings("agent: {server_id: 00000000-0000-0000-0000-000000000000}\n")
    made = find_server_id(zeros, tmp_path / "new" / "state")
    assert uuid.UUID(made).version == 4
    path = tmp_path / "new" / "state" / "server_id"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert find_server_id(settings(), tmp_path / "new" / "state") == made
    assert [each.name for each in path.parent.iterdir()] == ["server_id"]


def test_a_configured_id_is_neither_read_nor_kept(tmp_path: Path) -> None:
    """The state directory stays as it is."""
    assert find_server_id(settings("agent: {server_id: web-1}\n"), tmp_path / "state") == "web-1"
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("content", [b"", b"-web-", b"a b", b"a" * 65, b"\xff"])
def test_a_kept_id_that_is_none_is_never_replaced(content: bytes, tmp_path: Path) -> None:
    """The dashboard knows this server by it: the file is named, and stays."""
    path = tmp_path / "server_id"
    path.write_bytes(content)
    with pytest.raises(NodePulseError, match=re.escape(str(path))):
        find_server_id(settings(), tmp_path)
    assert path.read_bytes() == content


def test_where_no_id_can_be_kept_it_is_said(tmp_path: Path) -> None:
    """An id that would be another at each start is worse than none."""
    (tmp_path / "state").symlink_to(tmp_path / "nowhere" / "state")
    with pytest.raises(NodePulseError, match=r"set agent\.state_dir"):
        find_server_id(settings(), tmp_path / "state")
