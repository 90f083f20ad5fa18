"""What a child says on standard error: in the log by lines, cut and thinned."""

from __future__ import annotations

import asyncio

import pytest
from nodepulse_core.isolation.chatter import MOST_LINES, Chatter


async def follow(chatter: Chatter, content: bytes) -> None:
    """Have it follow some bytes to their end."""
    stream = asyncio.StreamReader()
    stream.feed_data(content)
    stream.feed_eof()
    await chatter.follow(stream)


async def test_lines_are_logged_with_who_says_them(said: pytest.LogCaptureFixture) -> None:
    """Empty lines are left out; what a terminal would obey is taken out."""
    await follow(Chatter("redis (nodepulse-exporter-redis 1.0)"), b"one\n\n\x1b[31mtwo\xff\nthree")
    assert [record.message.partition(" says: ")[2] for record in said.records] == ["one", "[31mtwo�", "three"]
    assert said.records[0].message.startswith("redis (nodepulse-exporter-redis 1.0) says: ")


async def test_a_line_without_end_is_cut(said: pytest.LogCaptureFixture) -> None:
    """A megabyte without a line's end is a bounded number of bounded lines."""
    await follow(Chatter("x"), b"a" * 2**20)
    assert len(said.records) <= MOST_LINES + 1
    assert max(len(record.message) for record in said.records) < 600


async def test_too_many_lines_are_counted(said: pytest.LogCaptureFixture) -> None:
    """What is left out of a minute is said once; the next minute is heard again."""
    time = 0.0
    chatter = Chatter("x", lambda: time)
    for number in range(100):
        chatter.say(b"%d" % number)
    assert len(said.records) == MOST_LINES
    time = 60.0
    chatter.say(b"again")
    assert [record.message for record in said.records[MOST_LINES:]] == [
        "x said 80 lines more, which are left out",
        "x says: again",
    ]
