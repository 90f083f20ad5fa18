"""What a request carries: headers, tokens and passwords, from the configuration or from files."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Access, BasicAuth
from nodepulse_core.peer.access import hide_secrets, read_password, request_headers


def decoded(access: Access) -> str:
    """Return user and password as a server reads them."""
    return base64.b64decode(request_headers(access)["Authorization"].removeprefix("Basic ")).decode()


def test_a_password_stands_in_the_configuration_or_in_a_file(tmp_path: Path) -> None:
    """Either is sent with the user's name; a user without one sends an empty one."""
    file = tmp_path / "password"
    file.write_text("from file\n")
    assert decoded(Access(basic_auth=BasicAuth("u", "given"))) == "u:given"
    assert decoded(Access(basic_auth=BasicAuth("u", password_file=file))) == "u:from file"
    assert decoded(Access(basic_auth=BasicAuth("u"))) == "u:"


def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    """A password or token that was changed is used at once."""
    file = tmp_path / "secret"
    for secret in ("first", "second"):
        file.write_text(secret)
        assert read_password(BasicAuth("u", password_file=file)) == secret
        assert request_headers(Access(bearer_token_file=file)) == {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file or directory"), (b"hunter2\xff", "it is not UTF-8")]
)
def test_a_file_that_cannot_be_read_is_named_without_its_content(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    """The error says which secret, which file and why, and nothing of what the file holds."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    for what, read in (
        ("password", lambda: read_password(BasicAuth("u", password_file=file))),
        ("token", lambda: request_headers(Access(bearer_token_file=file))),
    ):
        with pytest.raises(NodePulseError) as caught:
            read()
        assert str(caught.value) == f"cannot read the {what} in {file}: {said}"


def test_no_secret_is_in_a_repr() -> None:
    """Neither a password nor a header's value shows where access is printed."""
    access = Access(headers={"X-Key": "hunter2"}, basic_auth=BasicAuth("u", "hunter2"))
    assert "hunter2" not in repr(access)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"hunter2\nhunter3\n", "it must be one line of ASCII, without spaces"),
        (b"hunter2\r\nX-Admin: yes", "it must be one line of ASCII, without spaces"),
        ("hüntér2".encode(), "it must be one line of ASCII, without spaces"),
        (b"h" * 70_000, "it is longer than 65536 bytes"),
    ],
)
def test_what_is_no_token_is_not_sent(content: bytes, said: str, tmp_path: Path) -> None:
    """A file without a token, with two lines, or with what could become a header of its own, is an error, unquoted."""
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(NodePulseError) as caught:
        request_headers(Access(bearer_token_file=file))
    assert str(caught.value) == f"cannot read the token in {file}: {said}"


def test_what_a_peer_says_back_is_shown_without_what_it_was_sent() -> None:
    """A header's value, a bearer token by itself, and a longer secret before one that begins it, are hidden."""
    said = "401: hunter2 is no key, hunter2hunter2 neither; got Bearer hunter2hunter2; retry=1"
    assert hide_secrets(said, ["Bearer hunter2hunter2", "hunter2", "1"]) == (
        "401: … is no key, … neither; got …; retry=1"
    )
