"""The text format: checked, stamped, and read, whatever an exporter writes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.errors import ExpositionError
from nodepulse_core.exposition import Exposition, stamp
from support.oracle import EXPOSITIONS, read_series

SLOT = 1_761_832_800


def stamped(text: str) -> str:
    """Return a text with the slot's timestamps."""
    return stamp(text.encode(), SLOT)[0].decode()


@pytest.mark.parametrize("path", sorted(EXPOSITIONS.glob("*.prom")), ids=lambda path: path.stem)
def test_recorded_expositions_are_stamped_whole(path: object) -> None:
    """Every sample of a real exposition gets the slot, every comment stays, and nothing else changes."""
    text = path.read_text()  # type: ignore[attr-defined]  # a Path
    after, samples = stamp(text.encode(), SLOT)
    lines, stamped_lines = text.splitlines(), after.decode().splitlines()
    assert len(lines) == len(stamped_lines)
    for line, new in zip(lines, stamped_lines, strict=True):
        assert new == (line if line.startswith("#") else f"{line} {SLOT}000")
    assert samples == len(read_series(text))


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("up 1", f"up 1 {SLOT}000"),
        ("up 1 123", "up 1 123"),
        ("up  1\r", f"up 1 {SLOT}000"),
        (' up { a = "b" , } 1', f'up{{ a = "b" , }} 1 {SLOT}000'),
        ('up{a="} 5 6"} NaN', f'up{{a="}} 5 6"}} NaN {SLOT}000'),
        ('up{a="\\"\\\\\\n"} +Inf', f'up{{a="\\"\\\\\\n"}} +Inf {SLOT}000'),
        ('up 1 # {id="x"} 0.5 12.5', f'up 1 {SLOT}000 # {{id="x"}} 0.5 12.5'),
        ('up 1 77 # {id="x"} 0.5', 'up 1 77 # {id="x"} 0.5'),
        ("# anything at all }{", "# anything at all }{"),
        ("", ""),
    ],
)
def test_each_kind_of_line_is_stamped(line: str, after: str) -> None:
    """Own timestamps and exemplars stay, odd spacing is evened out, and lines around are as they were."""
    assert stamped(f"first 1\n{line}\nlast 2\n") == f"first 1 {SLOT}000\n{after}\nlast 2 {SLOT}000\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"up 1\nhalf", "cut short"),
        (b"up 1\nhalf 0.", "cut short"),
        (b"<html><body>up</body></html>\n", "line 1 is no sample"),
        (b"up 1\nerror: failed\n", "line 2 is no sample"),
        (b'up{a="b} 1\n', "line 1 is no sample"),
        (b"up one\n", "line 1 is no sample"),
        (b"up 1 2 3\n", "line 1 is no sample"),
        (b"up 1\n\xff 2\n", "line 2 is not UTF-8"),
        (b"up\n", "line 1 is no sample"),
    ],
)
def test_what_is_no_exposition_is_refused_with_its_line(body: bytes, said: str) -> None:
    """A body that is not the format whole is refused, with the line and what stands there."""
    with pytest.raises(ExpositionError, match=said):
        stamp(body, SLOT)


def test_a_very_long_line_is_read_exactly() -> None:
    """A line of 200 KB is a sample as any other."""
    text = stamped(f'up{{a="{"x" * 200_000}"}} 2.5\nnext 1\n')
    (sample,) = Exposition(text).samples("up")
    assert (len(sample.labels["a"]), sample.value, sample.timestamp) == (200_000, 2.5, SLOT * 1000)


def test_labels_are_unescaped() -> None:
    """Quotes, backslashes and line feeds in label values are what they stand for."""
    (sample,) = Exposition('up{a="\\"q\\" \\\\ \\n",b="} 9"} 1\n').samples("up")
    assert sample.labels == {"a": '"q" \\ \n', "b": "} 9"}


def test_only_the_named_metric_is_found() -> None:
    """A metric whose name begins with another's is not mistaken for it, nor is a comment."""
    text = "# HELP up up 9\nup_total 5\nup 1\nother 2\nup 3\nupper 4\n"
    assert [sample.value for sample in Exposition(text).samples("up")] == [1, 3]
    assert Exposition(text).samples("absent") == ()


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LABELS = st.dictionaries(NAMES, TEXTS, max_size=3)


@given(st.lists(st.tuples(LABELS, st.floats()), min_size=1, max_size=10))
def test_what_was_written_is_read(series: list[tuple[dict[str, str], float]]) -> None:
    """Any labels and any value, escaped as the format says, are read back exactly."""

    def escape(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    lines = []
    for labels, value in series:
        pairs = ",".join(f'{name}="{escape(text)}"' for name, text in labels.items())
        lines.append(f"metric{{{pairs}}} {value!r}\n")
    samples = Exposition(stamped("".join(lines))).samples("metric")
    assert [dict(sample.labels) for sample in samples] == [labels for labels, _ in series]
    for sample, (_, value) in zip(samples, series, strict=True):
        assert sample.value == value or (math.isnan(sample.value) and math.isnan(value))


@given(st.binary(max_size=200))
def test_any_bytes_are_stamped_or_refused(body: bytes) -> None:
    """No input makes anything else than a stamped text, which is stable, or an ExpositionError."""
    try:
        after, samples = stamp(body, SLOT)
    except ExpositionError:
        return
    assert stamp(after, SLOT + 1) == (after, samples)
