"""References to the environment: replaced inside string values, and never shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.config.document import Document
from nodepulse_core.config.expand import Expanded, expand

ENVIRON = {"A": "one", "B_2": "two", "EMPTY": "", "NESTED": "${A}"}


def expanded(value: Any) -> Any:
    """Expand one value, with nothing wrong in it."""
    expansion = expand(Document("f", {"key": value}, {}), ENVIRON)
    assert expansion.problems == ()
    return expansion.data["key"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"), ("x${A}-${B_2}y", "xone-twoy"), ("${EMPTY}", ""),
        ("${EMPTY:-three}", "three"), ("${C:-}", ""), ("${C:-a:-b?c}", "a:-b?c"), ("${A:-no}", "one"),
        ("${A:?no}", "one"),
        ("$$", "$"), ("$${A}", "${A}"), ("$$$$", "$$"), ("$A", "$A"), ("a$", "a$"), ("}", "}"), ("${NESTED}", "${A}"),
    ],
)  # fmt: skip
def test_references_are_replaced(text: str, value: str) -> None:
    """Once, from left to right: what the environment holds is not expanded again."""
    assert expanded(text) == value


def test_only_string_values_are_expanded() -> None:
    """Keys, numbers and truths stay; strings are reached wherever they are."""
    assert expanded({"${A}": [1, True, None, {"b": "${A}"}]}) == {"${A}": [1, True, None, {"b": "one"}]}


@given(st.text().filter(lambda text: "$" not in text))
def test_text_without_a_dollar_is_unchanged(text: str) -> None:
    """The very same string comes out."""
    assert expanded(text) is text


@given(st.text())
def test_doubled_dollars_keep_any_text(text: str) -> None:
    """Whatever a text is, it can be written: each of its dollars twice."""
    assert expanded(text.replace("$", "$$")) == text


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_what_the_environment_holds_is_never_in_a_repr(secret: str) -> None:
    """The value is whole to who uses it; its repr is what the file says."""
    data = expand(Document("f", {"key": "x ${S}"}, {}), {"S": secret}).data
    assert data["key"] == f"x {secret}"
    assert repr(data["key"]) == "'x ${S}'"
    assert f"{data}" == "{'key': 'x ${S}'}"


def test_a_value_is_a_string_to_all_who_use_it() -> None:
    """It can be formatted, compared, hashed, and made plain."""
    value = Expanded("one", "${A}")
    assert f"{value}" == "one"
    assert {value: 1}["one"] == 1
    assert type(str(value)) is str
    assert type(value.encode()) is bytes


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("token", "/run/credentials/a.service/token"),
        ("sub/token", "sub/token"),
        ("/etc/token", "/etc/token"),
        ("~/token", "~/token"),
        ("${DIR}/token", "/etc/token"),
        ("", ""),
    ],
)
def test_a_bare_name_of_a_file_is_that_of_a_credential(given: str, taken: str) -> None:
    """Systemd says in CREDENTIALS_DIRECTORY where those are; a path, and any other key, is left as it is."""
    data = {"bearer_token_file": given, "name": "token", "headers": {"x_file": "token"}}
    environ = {"DIR": "/etc", "CREDENTIALS_DIRECTORY": "/run/credentials/a.service"}
    expansion = expand(Document("f", data, {}), environ)
    assert expansion.problems == ()
    assert expansion.data == {"bearer_token_file": taken, "name": "token", "headers": {"x_file": "token"}}
    assert expand(Document("f", {"token_file": "token"}, {}), {}).data == {"token_file": "token"}


def test_a_secret_in_the_place_of_its_file_is_not_shown() -> None:
    """A token from the environment under a key for a file is an error without it: as a path it would be everywhere."""
    data = {"bearer_token_file": "${TOKEN}"}
    (problem,) = expand(Document("f", data, {}), {"TOKEN": "hunter2", "CREDENTIALS_DIRECTORY": "/run"}).problems
    assert problem.message == "what the environment holds for it is no absolute path"
