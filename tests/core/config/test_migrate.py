"""From the form of version 2.0 to the present one: all comments stay, and it means the same."""

from __future__ import annotations

import pytest
from core.config.cases import load_text
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.config import migrate
from nodepulse_core.errors import ConfigError

SERVER = "server: {endpoint: http://d/}\n"


def test_the_old_key_becomes_a_named_exporter_and_nothing_else_changes() -> None:
    """Comments, order, quotes and blank lines stay."""
    before = "# top\nserver:\n    endpoint: 'http://d/'   # where\n\n# the exporter\n"
    after = "# after\nagent: {}\n"
    old = 'prometheus:  # here\n  # inner\n  enabled: true   # yes\n\n  endpoint: "http://e/"\n# low\n  timeout: 3s\n'
    new = (
        "exporters:\n  node_exporter:  # here\n    # inner\n    enabled: true   # yes\n\n"
        '    endpoint: "http://e/"\n# low\n    timeout: 3s\n'
    )
    assert migrate((before + old + after).encode(), "f") == (before + new + after).encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("prometheus:", "exporters:\n  node_exporter:"),
        ("prometheus: {a: b,\n  c: d}\n", "exporters:\n  node_exporter: {a: b,\n    c: d}\n"),
        ("{prometheus: {enabled: true}, agent: {}}", "{exporters: {node_exporter: {enabled: true}}, agent: {}}"),
        ("prometheus:\r\n  timeout: 3s\r\n", "exporters:\r\n  node_exporter:\r\n    timeout: 3s\r\n"),
        ("\ufeff'prometheus': ~\n", "exporters:\n  node_exporter: ~\n"),
        ("  a: {}\n  prometheus:\n    b: 3s\n", "  a: {}\n  exporters:\n    node_exporter:\n      b: 3s\n"),
    ],
)  # fmt: skip
def test_every_way_to_write_it(old: str, new: str) -> None:
    """Flow and block, quoted, indented, with Windows line ends, at the end of the file."""
    assert migrate(old.encode(), "f") == new.encode()


@pytest.mark.parametrize("text", ["exporters: []\n", SERVER])
def test_the_present_form_is_left_alone(text: str) -> None:
    """There is nothing to write."""
    assert migrate(text.encode(), "f") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("? prometheus\n: {enabled: true}\n", "f:1:3: prometheus: it is written in a way that is not understood"),
        ("<<: {prometheus: {enabled: true}}\n", "f:1:6: prometheus: it is written in a way that is not understood"),
        ("a: &a {timeout: 3s}\nprometheus: *a\n", "f:2:1: prometheus: it is written in a way that is not understood"),
        ("exporters: []\nprometheus: {}\n", "f:2:1: prometheus: exporters stands in this file too"),
        ("prometheus: {", "f:1:14: it is not YAML"),
    ],
)
def test_what_cannot_be_rewritten_is_said(text: str, said: str) -> None:
    """Nothing comes out that means something else; the error says what to do by hand."""
    with pytest.raises(ConfigError) as caught:
        migrate(text.encode(), "f")
    assert str(caught.value).startswith(said)


COMMENTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(lambda text: f"# {text}")
LINES = ["enabled: false", "endpoint: 'http://localhost:9100/metrics'", "timeout: 3s", "interval: 1m"]


@given(
    st.lists(st.sampled_from(LINES), unique=True, min_size=1),
    st.lists(COMMENTS, min_size=9, max_size=9),
    st.integers(1, 6),
    st.booleans(),
)
def test_comments_stay_and_the_meaning_too(lines: list[str], comments: list[str], indent: int, is_last: bool) -> None:
    """Whatever the comments, the indentation and the keys are, only two lines differ in more than their indentation."""
    inside = [f"{' ' * indent}{line}  {comment}" for line, comment in zip(lines, comments, strict=False)]
    margins = [comments[4], "", f"{' ' * indent}{comments[5]}"]
    block = [f"prometheus: {comments[6]}", margins[0], *inside[:1], margins[1], margins[2], *inside[1:], comments[7]]
    parts = [[comments[8], SERVER.strip()], block]
    old = "\n".join(line for part in (parts if is_last else parts[::-1]) for line in part) + "\n"
    new = migrate(old.encode(), "f")
    assert new is not None
    stripped = [line.strip() for line in new.decode().splitlines()]
    assert [line for line in stripped if line != "exporters:"] == [
        line.strip().replace("prometheus:", "node_exporter:", 1) if line.startswith("prometheus:") else line.strip()
        for line in old.splitlines()
    ]
    assert load_text(new).settings == load_text(old).settings
