"""How the agent is: what is known of each target and of the destination, and changes of it in the log.

Silent while all is well. A target or destination that fails is logged when it begins to, then ever more
rarely, and once more when it is over, with how often and how long.
"""

from __future__ import annotations

import logging
from collections import deque

from attrs import define, field, frozen

from nodepulse_core.families import Distribution
from nodepulse_core.units import format_duration

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds by which requests are told apart."""
_LOUDEST = 64
_REMEMBERED = 60
_LARGEST_RESPONSE = 256 * 1024
log = logging.getLogger(__name__)


@define
class Condition:
    """Whether something works, since when it does not, and how often it failed and succeeded."""

    subject: str
    successes: int = 0
    failures: int = 0
    last_success: float | None = None
    last_error: str | None = None
    failing_since: float | None = None
    _in_a_row: int = field(default=0, init=False)

    @property
    def failing(self) -> bool:
        """Tell whether the last try failed."""
        return self._in_a_row > 0

    def succeeded(self, now: float) -> None:
        """Note a success; says so where it ends a failure."""
        if self.failing_since is not None:
            lasted = format_duration(max(0, round(now - self.failing_since)))
            log.info("%s works again, after %d failures in %s", self.subject, self._in_a_row, lasted)
        self.successes += 1
        self.last_success = now
        self.last_error = None
        self.failing_since = None
        self._in_a_row = 0

    def failed(self, now: float, reason: str, then: str) -> None:
        """Note a failure; says so at the 1st, 2nd, 4th, … and then every 64th of a row, or when the reason changes."""
        self.failures += 1
        self._in_a_row += 1
        if self.failing_since is None:
            self.failing_since = now
        count = self._in_a_row
        thin = count % _LOUDEST if count > _LOUDEST else count & (count - 1)
        if reason != self.last_error or not thin:
            times = f" ({count} times in a row)" if count > 1 else ""
            log.warning("%s: %s%s; %s", self.subject, reason, times, then)
        self.last_error = reason


@define
class Durations:
    """How long something took, each time: how often, all together, and how often no longer than each bound."""

    count: int = 0
    sum: float = 0.0
    counts: list[int] = field(factory=lambda: [0] * len(BOUNDS))

    def note(self, seconds: float) -> None:
        """Note one time."""
        self.count += 1
        self.sum += seconds
        for index, bound in enumerate(BOUNDS):
            self.counts[index] += seconds <= bound

    def distribution(self) -> Distribution:
        """Return them as a histogram has them."""
        return Distribution(self.count, self.sum, tuple(zip(BOUNDS, self.counts, strict=True)))


@frozen
class Outcome:
    """How one scrape went: its slot, the seconds it took with all its tries, its samples, and why it failed."""

    slot: int
    seconds: float
    samples: int = 0
    tries: int = 1
    error: str | None = None


@frozen
class Response:
    """The beginning of an exposition as it was stored, at most 256 KiB, and how many bytes it had in all."""

    beginning: bytes = field(repr=False)
    size: int

    @classmethod
    def of(cls, body: bytes) -> Response:
        """Keep as much of a body as a person looks at."""
        return cls(body[:_LARGEST_RESPONSE], len(body))


@define
class TargetHealth:
    """What is known of one target since its loop began; `recent` are its last outcomes, oldest first."""

    condition: Condition
    recent: deque[Outcome] = field(factory=lambda: deque(maxlen=_REMEMBERED))
    samples: int = 0
    seconds: float = 0.0
    retries: int = 0
    skipped: int = 0
    """Ticks it was not scraped at, because the scrape before took too long or the clock jumped."""
    next_at: float | None = None
    """When its next scrape begins: seconds since the epoch."""
    response: Response | None = None
    """The last exposition that was stored, for a person to look at."""

    def succeeded(self, now: float, outcome: Outcome, body: bytes) -> None:
        """Note a scrape that was stored."""
        self.note(outcome)
        self.response = Response.of(body)
        self.condition.succeeded(now)

    def failed(self, now: float, outcome: Outcome, then: str) -> None:
        """Note a scrape that failed; `then` says what happens next."""
        self.note(outcome)
        self.condition.failed(now, outcome.error or "it failed", then)

    def note(self, outcome: Outcome) -> None:
        """Note an outcome that says nothing of the target itself: its scrape was good, and the disk did not take it."""
        self.recent.append(outcome)
        self.samples += outcome.samples
        self.seconds += outcome.seconds
        self.retries += outcome.tries - 1


class Health:
    """The conditions of all targets, of the disk and of the destination."""

    def __init__(self) -> None:
        self.targets: dict[str, TargetHealth] = {}
        self.storage = Condition("storage")
        self.destination = Condition("delivery")
        self.requests = Durations()
        """How long the destination took to answer, whatever its answer."""
        self.hanging: tuple[str, ...] = ()
        """The targets whose snapshots a plugin has begun to make, and not returned from; one for each call."""

    def target(self, name: str) -> TargetHealth:
        """Return what is known of a target, new where there is nothing yet."""
        known = self.targets.get(name)
        if known is None:
            known = self.targets[name] = TargetHealth(Condition(name))
        return known

    def response(self, name: str) -> Response | None:
        """Return a target's last response; None where there is none."""
        known = self.targets.get(name)
        return None if known is None else known.response

    def forget(self, name: str) -> None:
        """Drop a target that is no more."""
        self.targets.pop(name, None)
