"""What is said of evicted entries: a full buffer evicts with every scrape, and must not fill the log as well."""

from __future__ import annotations

import logging
from collections import Counter

_QUIET = 60.0
log = logging.getLogger(__name__)


class Evictions:
    """Says what was evicted, at once and then once a minute."""

    def __init__(self) -> None:
        self._unsaid: Counter[str] = Counter()
        self._not_before = float("-inf")

    def note(self, count: int, reason: str, monotonic: float) -> None:
        """Take in how many entries were evicted now, if any, and why; log what has not been said where it is time."""
        if count:
            self._unsaid[reason] += count
        if not self._unsaid or monotonic < self._not_before:
            return
        for why, entries in self._unsaid.items():
            log.error("evicted %d entries that were never delivered: %s", entries, why)
        self._unsaid.clear()
        self._not_before = monotonic + _QUIET
