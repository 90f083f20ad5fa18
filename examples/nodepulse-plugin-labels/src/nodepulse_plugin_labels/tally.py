"""A tally of what the agent reports to its observers."""

import logging
from collections import Counter
from collections.abc import Mapping

log = logging.getLogger(__name__)


class Tally:
    """Counts events by what they are. A log is silent while all is well, and thin while it is not."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.counts: Counter[str] = Counter()
        self._labels = " ".join(f"{name}={value}" for name, value in labels.items()) or "no labels"

    def count(self, what: str) -> None:
        """Count one event that is as it should be."""
        self.counts[what] += 1

    def warn(self, what: str) -> None:
        """Count one event that is not, and log all counts at the 1st, 10th, 100th… of it."""
        self.count(what)
        if str(self.counts[what]).strip("0") == "1":
            counted = ", ".join(f"{each}: {count}" for each, count in sorted(self.counts.items()))
            log.warning("%s; %s", self._labels, counted)
