"""One entry as a file: its name and its content say all, and every damage shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.buffer.entry_file import decode, encode, name_file, read_name
from nodepulse_core.errors import EntryError
from nodepulse_core.model import Entry, Window
from support.entries import BODY, NOW, entry

LAST_SLOT = 253_402_300_799  # 9999-12-31 23:59:59

names = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)
server_ids = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?", fullmatch=True)
windows = st.builds(Window, st.integers(0, LAST_SLOT), server_ids)
entries = st.builds(Entry, windows, names)
bodies = st.text(st.characters(codec="utf-8"), max_size=300).map(str.encode)


@given(entries, names, bodies)
def test_what_is_written_is_read(each: Entry, type_: str, body: bytes) -> None:
    """Any body comes back as it was, with its type."""
    stored = decode(each, encode(each, type_, body))
    assert (stored.type, stored.text.encode()) == (type_, body)


@given(entries, names, bodies, st.data())
def test_a_single_altered_byte_is_found(each: Entry, type_: str, body: bytes, data: st.DataObject) -> None:
    """Whichever byte of a file becomes whichever other, the file is not taken for whole."""
    content = bytearray(encode(each, type_, body))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
    with pytest.raises(EntryError):
        decode(each, bytes(content))


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, ord("#") ^ ord("\n")])
def test_every_byte_counts(flip: int) -> None:
    """At no place of a file does a flipped bit go unseen, the mark of its first line included."""
    content = encode(entry(), "node_exporter", BODY)
    for place in range(len(content)):
        altered = content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
        with pytest.raises(EntryError):
            decode(entry(), altered)


def test_every_truncation_is_found() -> None:
    """A file that lacks any number of its last bytes is not taken for whole."""
    content = encode(entry(), "node_exporter", BODY)
    for length in range(len(content)):
        with pytest.raises(EntryError):
            decode(entry(), content[:length])


@given(entries, names, bodies, st.binary(min_size=1, max_size=20))
def test_appended_bytes_are_found(each: Entry, type_: str, body: bytes, more: bytes) -> None:
    """A file with anything after its end is not taken for whole."""
    with pytest.raises(EntryError, match="bytes where"):
        decode(each, encode(each, type_, body) + more)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"# nodepulse entry 2 type=x\nup 1\n", "of a newer version"),
        (b"# nodepul", "torn"),
        (b"\xff\xfe\n", "UTF-8"),
    ],
)
def test_the_error_says_what_is_wrong(content: bytes, said: str) -> None:
    """Each kind of damage has its own reason."""
    with pytest.raises(EntryError, match=said):
        decode(entry(), content)


@pytest.mark.parametrize("other", [entry(NOW + 60), entry(target="other")])
def test_a_file_under_another_name_is_found(other: Entry) -> None:
    """A file that was moved to another slot or target is not what its name says."""
    with pytest.raises(EntryError, match="moved since"):
        decode(other, encode(entry(), "node_exporter", BODY))


@pytest.mark.parametrize("content", [BODY, b"# HELP up Whether it is up.\n" + BODY, b"# a comment of someone's\n"])
def test_a_file_placed_by_hand_is_taken_as_it_is(content: bytes) -> None:
    """Text without our first line is an entry of an unknown type, other comments included."""
    stored = decode(entry(), content)
    assert (stored.type, stored.text) == (None, content.decode())


@given(windows)
def test_a_name_gives_its_window_back(window: Window) -> None:
    """Reading a file's name is the inverse of writing it, for every second until the year 9999."""
    assert read_name(name_file(window)) == window


@given(st.one_of(st.text(), st.from_regex(r"\d{8}-\d{6}-[A-Za-z0-9-]{0,66}\.prom", fullmatch=True)))
def test_a_name_is_read_only_as_it_is_written(name: str) -> None:
    """What is read as a window is written as the same name again: no two names mean one window."""
    window = read_name(name)
    assert window is None or name_file(window) == name


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "20270115-080000-.prom",
        "20270115-080000--a.prom",
        "20270115-256000-a.prom",
        "20270115-080060-a.prom",
        "20270230-080000-a.prom",
        "19691231-235959-a.prom",
        "00000101-000000-a.prom",
        "20270115-080000-a.txt",
        "٢٠٢٧0115-080000-a.prom",
    ],
)
def test_other_names_are_no_entries(name: str) -> None:
    """Names of no date, of no server, from before 1970, or in other digits are no entry's."""
    assert read_name(name) is None
