"""Foreign text and foreign exceptions as one line."""

from __future__ import annotations

from nodepulse_core.foreign import describe, one_line


def test_an_error_whose_text_raises_is_described() -> None:
    """An exception whose own __str__ exits is named by its type."""

    class NastyError(Exception):
        def __str__(self) -> str:
            raise SystemExit

    assert describe(NastyError()) == "NastyError: (its text cannot be read)"


def test_foreign_text_becomes_one_bounded_printable_line() -> None:
    """Line breaks, escapes and controls become spaces; a long text is cut."""
    assert one_line("a\nb\r\n\x1b[31mc\x00\u2028d\u202ee") == "a b [31mc d e"
    assert len(one_line("x" * 100_000)) == 500
    assert one_line("x" * 100_000).endswith("…")
