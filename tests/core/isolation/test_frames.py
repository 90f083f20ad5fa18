"""Frames: what is packed is read, and nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.isolation.frames import Frame, FrameError, read_frame

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HEADERS = st.dictionaries(TEXT, st.integers(-(2**63), 2**63 - 1) | TEXT | st.booleans() | st.none(), max_size=5)


def read(content: bytes, most: int = 100) -> Frame | None:
    """Read the first frame of some bytes."""

    async def reading() -> Frame | None:
        stream = asyncio.StreamReader()
        stream.feed_data(content)
        stream.feed_eof()
        return await read_frame(stream, lambda _: most)

    return asyncio.run(reading())


@given(HEADERS, st.binary(max_size=100))
def test_what_is_packed_is_read(says: dict[str, Any], body: bytes) -> None:
    """Header and body come back as they were."""
    frame = Frame(says, body)
    assert read(frame.pack() + body) == frame


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_a_frame_or_an_error(content: bytes) -> None:
    """Nothing but a frame, the end, or a FrameError comes of what a child writes."""
    with contextlib.suppress(FrameError):
        assert (read(content) is None) == (content == b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xff\xff\xff\x00\x00\x00\x00", "a header of"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x65{}" + b"x" * 101, "101B, where 100B are the most"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00[]", "a header that is no object"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00{{", "a header that is not JSON"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x05{}123", "a part of an answer"),
        (b"\x00", "a part of an answer"),
    ],
)
def test_what_is_no_frame_is_said(content: bytes, reason: str) -> None:
    """A length is refused before anything of that length is read."""
    with pytest.raises(FrameError, match=reason):
        read(content)
