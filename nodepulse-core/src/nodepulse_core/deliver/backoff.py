"""How long to wait before the next try: exponential with full jitter, or slowly."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from nodepulse_core.sender import Later

FIRST = 1.0
LONGEST = 60.0
SLOW = 300.0
LONGEST_ASKED = 3600.0
_FASTEST_SLOW = 15.0
_MOST_DOUBLINGS = 16

Draw = Callable[[float, float], float]


def wait_seconds(later: Later, failures: int, draw: Draw = random.uniform) -> float:
    """Return the seconds to wait after that many failures in a row (1 or more).

    What the destination asks for (`Retry-After`) is obeyed up to an hour. Slow: doubles from 15 s up to 5 min.
    """
    if later.delay is not None and not math.isnan(later.delay):
        return min(max(later.delay, FIRST), LONGEST_ASKED)  # "at once" would be a busy loop
    if later.pace == "slow":
        return min(SLOW, _FASTEST_SLOW * _doubled(failures))
    # Full jitter, but never a busy loop against a destination that refuses at once.
    return max(draw(0.0, min(LONGEST, FIRST * _doubled(failures))), FIRST / 10)


def _doubled(failures: int) -> float:
    return float(2 ** min(failures - 1, _MOST_DOUBLINGS))
