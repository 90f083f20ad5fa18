"""Paths of keys, as people write them."""

from __future__ import annotations

import pytest
from nodepulse_core.config.paths import KeyPath, did_you_mean, write_path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("server",), "server"),
        (("exporters", 1, "retry", "backoff"), "exporters[1].retry.backoff"),
        (("server", "headers", "X-Token"), "server.headers.X-Token"),
        (("a b", "c\nd"), "['a b']['c\\nd']"),
        (("a", "\x1b[31m"), "a['\\x1b[31m']"),
    ],
)
def test_a_path_is_one_line_of_plain_words(path: KeyPath, text: str) -> None:
    """A key that is no word, or could draw on a terminal, stands in quotes."""
    assert write_path(path) == text


@pytest.mark.parametrize(
    ("word", "said"),
    [("intervall", "; did you mean 'interval'?"), ("INTERVAL", "; did you mean 'interval'?"),
     ("x", "; known: name, interval")],
)  # fmt: skip
def test_a_near_miss_is_named_and_else_all_that_is_known(word: str, said: str) -> None:
    """The order of what is known stays, since it is the natural one."""
    assert did_you_mean(word, ["name", "interval"]) == said
