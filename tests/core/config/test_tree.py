"""YAML as plain data: nothing is made of it but text, numbers, lists and mappings, and everything has its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.config.tree import read_tree
from nodepulse_core.errors import ConfigError


def read(text: str) -> object:
    """Return the data of a text that has nothing wrong in it."""
    tree = read_tree(text, "f")
    assert tree.problems == ()
    return tree.data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15", 15), ("-3", -3), ("0x10", 16), ("0o17", 15), ("1_000", 1000), ("1.5", 1.5), ("1e3", 1000.0),
        ("true", True), ("False", False), ("no", "no"), ("Yes", "Yes"), ("on", "on"), ("~", None), ("", None),
        ("2001-01-01", "2001-01-01"), ("12:30", "12:30"), ("'15'", "15"), ("!!str 15", "15"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    """Words such as no and yes are strings, and so are dates; numbers and true and false are what they look like."""
    read_value = read(f"a: {text}")
    assert read_value == {"a": value}
    assert isinstance(read_value, dict)
    assert type(read_value["a"]) is type(value)


def test_infinity_and_nan_are_numbers() -> None:
    """They are read, so that the key's rule refuses them."""
    assert str(read("[.inf, -.INF, .nan]")) == "[inf, -inf, nan]"


def test_everything_has_its_place() -> None:
    """A key's place is its own, an item's is its value's; both count from 1."""
    tree = read_tree("a: 1\nb:\n  - c\n  -   d: {e: 2}\n", "f")
    assert tree.places == {
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", 0): (3, 5),
        ("b", 1): (4, 7),
        ("b", 1, "d"): (4, 7),
        ("b", 1, "d", "e"): (4, 11),
    }


def test_aliases_and_merges_are_followed() -> None:
    """An alias is what it points to; own keys come before merged ones, and earlier merged ones before later."""
    text = "a: &a {x: 1, y: 1, <<: {z: 0, x: 0}}\nb: &b {y: 2, w: 2}\nc: {<<: [*a, *b], x: 3}\nd: *a\n"
    data = read(text)
    assert isinstance(data, dict)
    assert data["c"] == {"x": 3, "y": 1, "z": 0, "w": 2}
    assert data["d"] == {"x": 1, "y": 1, "z": 0}


def test_an_alias_has_the_place_of_what_it_points_to() -> None:
    """What is wrong in it is mended there."""
    tree = read_tree("a: &a\n  x: 1\nb: *a\n", "f")
    assert tree.places["b", "x"] == (2, 3)


@pytest.mark.parametrize("text", ["&a [*a]", "&a {b: *a}", "&a {<<: *a}", "&a {b: {<<: *a}}", "&a {b: [{c: *a}]}"])
def test_what_holds_itself_is_said_and_ends(text: str) -> None:
    """A loop of aliases or merges is a problem, not an endless one."""
    assert "it holds itself" in {problem.message for problem in read_tree(text, "f").problems}


def said(text: str) -> str:
    """Return what is said of a text that cannot be read; else that there is nothing to say."""
    try:
        read_tree(text, "f")
    except ConfigError as error:
        return str(error)
    return "nothing"


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever the text is, it gives a tree or a ConfigError."""
    assert said(text).startswith(("f:", "nothing"))


SYMBOLS = [
    "a", "b", ":", ": ", "- ", "{", "}", "[", "]", ", ", "\n", "\n  ", "&a ", "*a", "<<", "!", "!!int ", "|", ">",
    "? ", "'", '"', "#", "%", "---\n", "...\n", "1", "~", "\t", "\\", "0x", ".", "true", "@", "`",
]  # fmt: skip


@given(st.lists(st.sampled_from(SYMBOLS), max_size=25).map("".join))
def test_anything_that_looks_like_yaml_is_read_or_refused(text: str) -> None:
    """The same for text of YAML's own signs, which gets further into the reader."""
    assert said(text).startswith(("f:", "nothing"))
