"""How the agent is: what is known of each target and of the destination, and changes of it in the log.

Silent while all is well. A target or destination that fails is logged when it begins to, then ever more
rarely, and once more when it is over, with how often and how long.
"""

from __future__ import annotations

import logging

from attrs import define, field

from nodepulse_core.units import format_duration

_LOUDEST = 64
log = logging.getLogger(__name__)


@define
class Condition:
    """Whether something works, since when it does not, and how often it failed and succeeded."""

    subject: str
    successes: int = 0
    failures: int = 0
    last_success: float | None = None
    last_error: str | None = None
    _failing_since: float | None = field(default=None, init=False)
    _in_a_row: int = field(default=0, init=False)

    @property
    def failing(self) -> bool:
        """Tell whether the last try failed."""
        return self._in_a_row > 0

    def succeeded(self, now: float) -> None:
        """Note a success; says so where it ends a failure."""
        if self._failing_since is not None:
            lasted = format_duration(max(0, round(now - self._failing_since)))
            log.info("%s works again, after %d failures in %s", self.subject, self._in_a_row, lasted)
        self.successes += 1
        self.last_success = now
        self.last_error = None
        self._failing_since = None
        self._in_a_row = 0

    def failed(self, now: float, reason: str, then: str) -> None:
        """Note a failure; says so at the 1st, 2nd, 4th, … and then every 64th of a row, or when the reason changes."""
        self.failures += 1
        self._in_a_row += 1
        if self._failing_since is None:
            self._failing_since = now
        count = self._in_a_row
        thin = count % _LOUDEST if count > _LOUDEST else count & (count - 1)
        if reason != self.last_error or not thin:
            times = f" ({count} times in a row)" if count > 1 else ""
            log.warning("%s: %s%s; %s", self.subject, reason, times, then)
        self.last_error = reason


class Health:
    """The conditions of all targets and of the destination."""

    def __init__(self) -> None:
        self.targets: dict[str, Condition] = {}
        self.destination = Condition("delivery")
        self.skipped: dict[str, int] = {}

    def target(self, name: str) -> Condition:
        """Return a target's condition, new where there is none yet."""
        return self.targets.setdefault(name, Condition(name))

    def forget(self, name: str) -> None:
        """Drop a target that is no more."""
        self.targets.pop(name, None)
        self.skipped.pop(name, None)

    def skip(self, name: str, ticks: int) -> None:
        """Count ticks that a target was not scraped at, because the scrape before took too long."""
        self.skipped[name] = self.skipped.get(name, 0) + ticks
