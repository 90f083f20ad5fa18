"""The Retry-After header (RFC 9110, 10.2.3): seconds or a date, from a peer that may write anything."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def read_retry_after(value: str, now: float) -> float | None:
    """Return the seconds that a header asks to wait from now, the wall clock; None where it says neither form."""
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError, TypeError, IndexError):  # the standard library knows several ways to refuse
        return None
