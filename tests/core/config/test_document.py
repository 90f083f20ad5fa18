"""The configuration as plain data: what is none, and where things stand."""

from __future__ import annotations

import pytest
from nodepulse_core.config.document import Document, parse_document
from nodepulse_core.errors import ConfigError


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n", b"# only this\n", b"---\n"])
def test_an_empty_file_is_said(content: bytes) -> None:
    """Nothing is not taken for a configuration of defaults."""
    with pytest.raises(ConfigError, match="f: expected keys such as server and exporters; found nothing"):
        parse_document(content, "f")


def test_a_problem_stands_at_the_nearest_thing_that_is_in_the_file() -> None:
    """A key that is missing is placed at what it is missing from; what was no file has no places."""
    document = parse_document(b"server:\n  tls: {}\n", "f")
    assert document.problem(("server", "tls", "ca_file"), "m").render("f") == "f:2:3: server.tls.ca_file: m"
    assert document.problem(("exporters",), "m").render("f") == "f:1:1: exporters: m"
    assert Document("target", {}, {}).problem(("name",), "m").render("target") == "target: name: m"
