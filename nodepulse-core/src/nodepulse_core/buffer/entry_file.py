"""One entry as a file: its name, and a body that tells whether it is whole.

    <target name>/YYYYMMDD-HHMMSS-<server_id>.prom

    # nodepulse entry 1 type=redis_exporter target=sessions slot=1761832800 length=8123 crc32=9ac1be45
    # HELP redis_up …
    redis_up 1 1761832800000

The first line is a comment to every reader of the format. Length and checksum are of what follows it; the
checksum is of the line's own fields too. Files without that line, placed by hand, are accepted as they are; a
file that has the rest of such a line near its beginning is not one of them, it was altered.
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime

from nodepulse_core.errors import EntryError
from nodepulse_core.model import Entry, StoredScrape, Window

TARGET_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FILE_NAME = re.compile(
    r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-([A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?)\.prom", re.ASCII
)
_TIME = "%Y%m%d-%H%M%S"
LARGEST = 256 * 1024**2
"""The bytes that a file may have: it is read whole, and no scrape comes near that."""

_MARK = b"# nodepulse entry "
_HEADER = re.compile(
    rb"# nodepulse entry 1 (type=([a-z][a-z0-9_]{0,63}) target=([a-z][a-z0-9_]{0,63}) slot=(\d{1,12})) "
    rb"length=(\d{1,12}) crc32=([0-9a-f]{8})\n"
)
_REST_OF_HEADER = re.compile(rb" type=[^\n]* length=\d+ crc32=[0-9a-f]{8}\n")
_LONGEST_HEADER = 300


def name_file(window: Window) -> str:
    """Return the file name of a window's entries; the directory says the target."""
    return f"{datetime.fromtimestamp(window.slot, UTC).strftime(_TIME)}-{window.server_id}.prom"


def read_name(name: str) -> Window | None:
    """Return the window that a file name states, or None where it is no entry's name."""
    match = _FILE_NAME.fullmatch(name)
    if not match:
        return None
    *numbers, server_id = match.groups()
    try:
        slot = int(datetime(*map(int, numbers), tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]  # six of them
    except ValueError:
        return None
    return Window(slot, server_id) if slot >= 0 else None


def encode(entry: Entry, type_: str, body: bytes) -> bytes:
    """Return the file's content for a stamped exposition."""
    fields = f"type={type_} target={entry.target} slot={entry.slot}".encode()
    return b"%s1 %s length=%d crc32=%08x\n%s" % (_MARK, fields, len(body), _checksum(fields, body), body)


def decode(entry: Entry, content: bytes) -> StoredScrape:
    """Return what a file holds; raises EntryError, saying how it differs from what was written."""
    if not content:
        raise EntryError("the file is empty")
    body, type_ = content, None
    if content.startswith(_MARK) or _MARK.startswith(content) or _REST_OF_HEADER.search(content, 0, _LONGEST_HEADER):
        header = _HEADER.match(content)
        if not header:
            raise EntryError("its first line is torn, altered or of a newer version")
        body = content[header.end() :]
        type_ = header[2].decode()
        if len(body) != int(header[5]):
            raise EntryError(f"it has {len(body)} bytes where {int(header[5])} were written")
        if _checksum(header[1], body) != int(header[6], 16):
            raise EntryError("its checksum does not match: it was altered")
        if (header[3].decode(), int(header[4])) != (entry.target, entry.slot):
            raise EntryError(f"it was written as target {header[3].decode()}, slot {int(header[4])}, and moved since")
    try:
        return StoredScrape(type_, body.decode())
    except UnicodeDecodeError:
        raise EntryError("it is not UTF-8") from None


def _checksum(fields: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(fields))
