"""What a request carries: headers, tokens and passwords, from the configuration or from files."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from nodepulse_core.access import read_password, request_headers
from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Access, BasicAuth


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
