"""What may be asked to be installed: names, and nothing that an installer would take for more than one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.cli.requirement import Requirement, normalize, parse_requirement
from nodepulse_core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mysql", "nodepulse-exporter-mysql"),
        ("mysql_exporter", "nodepulse-exporter-mysql"),
        ("Aws_RDS", "nodepulse-exporter-aws-rds"),
        ("nodepulse-exporter-mysql", "nodepulse-exporter-mysql"),
        ("NodePulse_Plugin.Labels", "nodepulse-plugin-labels"),
        ("acme-nodepulse-mysql", "acme-nodepulse-mysql"),
        ("postgres[direct]", "nodepulse-exporter-postgres[direct]"),
        ("postgres[direct,more]==1.2.*", "nodepulse-exporter-postgres[direct,more]==1.2.*"),
        ("mysql>=1", "nodepulse-exporter-mysql>=1"),
    ],
)
def test_a_name_is_short_or_whole(text: str, words: str) -> None:
    """A name with nodepulse in it is taken as it is; any other is an exporter's."""
    assert str(parse_requirement(text)) == words


@pytest.mark.parametrize(
    "text",
    [
        "--target=/elsewhere",
        "--target",
        "-r",
        "-rfile",
        "-",
        "",
        " mysql",
        "mysql ",
        "mysql\n",
        "mysql --pre",
        "./mysql",
        "../mysql",
        "/tmp/mysql",  # noqa: S108 - it is refused
        "mysql.whl/",
        "http://localhost/mysql",
        "git+https://localhost/mysql",
        "mysql @ http://localhost/mysql",
        "mysql;os_name",
        "mysql[",
        "mysql[]",
        "mysql[--pre]",
        "mysql==",
        "mysql==1 --pre",
        "mysql$(x)",
        "a" * 201,
        "mysql\u0661-",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    """Options, paths, URLs and markers are wrong usage, with what to write instead."""
    with pytest.raises(UsageError, match="is no name of a plugin; write it like mysql"):
        parse_requirement(text)


@given(st.text(max_size=30) | st.from_regex(r"[-a-z=./\[\]@ ]{1,20}", fullmatch=True))
def test_what_is_taken_is_a_word_that_no_installer_takes_for_an_option(text: str) -> None:
    """Whatever is taken begins with a letter or digit, and has neither a space, nor a slash, nor an @."""
    try:
        word = str(parse_requirement(text))
    except UsageError:
        return
    assert re.fullmatch(r"[a-z0-9][A-Za-z0-9.\[\],=~!<>*+_-]*", word)


def test_a_requirement_is_written_as_it_was_read() -> None:
    """Its parts make the same text again; names compare as indexes compare them."""
    assert str(Requirement("a", "b,c", ">=1")) == "a[b,c]>=1"
    assert normalize("A__b.-C") == "a-b-c"
