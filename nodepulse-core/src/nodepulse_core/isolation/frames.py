"""Frames: what agent and child say to each other over pipes. A JSON header, and raw bytes behind it.

    ┌────────────────┬──────────────┬────────┬──────┐
    │ header's length│ body's length│ header │ body │      two 32-bit numbers, big-endian
    └────────────────┴──────────────┴────────┴──────┘

Nothing is trusted that a child writes: lengths are bounded before anything is read, and a header is JSON and no more.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from attrs import field, frozen

from nodepulse_core.errors import NodePulseError
from nodepulse_core.units import format_size

LONGEST_HEADER = 1024**2
_LENGTHS = struct.Struct("!II")


class FrameError(NodePulseError):
    """Bytes that are no frame, or one that is larger than it may be."""


@frozen
class Frame:
    """One message: what it says, and the bytes that it carries."""

    says: Mapping[str, Any]
    body: bytes = field(default=b"", repr=False)

    def pack(self) -> bytes:
        """Return the frame as it is written, without the body, which is written behind it."""
        header = orjson.dumps(self.says)
        return _LENGTHS.pack(len(header), len(self.body)) + header


async def read_frame(stream: asyncio.StreamReader, most: Callable[[Mapping[str, Any]], int]) -> Frame | None:
    """Return the next frame; None where the other side has ended. Raises FrameError.

    `most` gives how many bytes the body of a frame with that header may have; it may raise FrameError itself.
    """
    try:
        header_length, body_length = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
        if header_length > LONGEST_HEADER:
            raise FrameError(f"a header of {format_size(header_length)}")
        says = _parse(await stream.readexactly(header_length))
        allowed = most(says)
        if body_length > allowed:
            raise FrameError(f"{format_size(body_length)}, where {format_size(allowed)} are the most")
        return Frame(says, await stream.readexactly(body_length))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise FrameError("a part of an answer") from None
        return None


def _parse(header: bytes) -> Mapping[str, Any]:
    try:
        says = orjson.loads(header)
    except ValueError:
        raise FrameError("a header that is not JSON") from None
    if not isinstance(says, dict):
        raise FrameError("a header that is no object")
    return says
