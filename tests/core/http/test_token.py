"""The token of `api.token_file`."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodepulse_core.errors import NodePulseError
from nodepulse_core.http.token import Token

SECRET = "0123456789abcdef-one"
OTHER = "0123456789abcdef-two"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file with a token, of its owner only."""
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def test_only_the_token_matches(file: Path) -> None:
    """The token itself does, without the line's end; a part of it, more of it, or nothing does not."""
    token = Token(file)
    assert token.matches(SECRET)
    for wrong in ("", SECRET[:-1], SECRET + "x", SECRET.upper(), "ä", "\udc80"):
        assert not token.matches(wrong)


def test_a_new_token_counts_at_once(file: Path) -> None:
    """After the file was replaced, the new token matches, and the old one does not."""
    token = Token(file)
    new = file.with_name("new")
    new.write_text(OTHER)
    new.chmod(0o600)
    new.replace(file)
    assert token.matches(OTHER)
    assert not token.matches(SECRET)


@pytest.mark.parametrize(
    "content", ["", "\n", "short", "0123456789 abcdef", "0123456789\nabcdef", "0123456789äbcdef", "x" * 5000]
)
def test_what_is_no_token_is_refused(content: str, file: Path) -> None:
    """Empty, short, long, of two words or lines, or beyond ASCII: said with the file's name, and never shown."""
    file.write_text(content)
    with pytest.raises(NodePulseError, match=f"{file} holds no token") as caught:
        Token(file)
    assert not content.strip() or content.strip() not in str(caught.value)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(mode: int, file: Path) -> None:
    """Whoever may write it could give himself a token; also where it became so later."""
    token = Token(file)
    file.chmod(mode)
    for _ in range(2):
        with pytest.raises(NodePulseError, match=f"may be written by others than its owner; run: chmod 600 {file}"):
            token.matches(SECRET)
    file.chmod(0o600)
    assert token.matches(SECRET)


def test_a_file_that_others_may_read_is_used_and_said_once(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said with what to run, where it becomes so; of one that is so at the start the configuration warns."""
    file.chmod(0o644)
    token = Token(file)
    assert caplog.records == []
    file.write_text(f"{SECRET}\n\n")
    assert token.matches(SECRET)
    assert token.matches(SECRET)
    assert [record.getMessage() for record in caplog.records] == [
        f"{file} may be read by others than its owner; run: chmod 600 {file}"
    ]


def test_a_file_that_goes_away_is_said(file: Path) -> None:
    """Without its file no token is good, not even the one that was."""
    token = Token(file)
    file.unlink()
    with pytest.raises(NodePulseError, match=f"cannot read the token in {file}: no such file"):
        token.matches(SECRET)
