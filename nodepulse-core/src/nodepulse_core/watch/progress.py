"""Progress: which loops no longer get on, although the event loop turns and nobody has ended them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from attrs import frozen


@frozen
class Sign:
    """What shows that a loop gets on: a mark that changes as it does, at the latest after `limit` seconds.

    A loop that waits for its time gives no sign.
    """

    subject: str
    mark: Hashable
    limit: float


class Progress:
    """Remembers since when each mark has been the same."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since: dict[str, tuple[Hashable, float]] = {}

    def stalled(self, signs: Iterable[Sign]) -> list[str]:
        """Return the subjects whose marks have been the same for too long; call it again and again."""
        now = self._monotonic()
        since: dict[str, tuple[Hashable, float]] = {}
        found = []
        for sign in signs:
            mark, start = self._since.get(sign.subject, (sign.mark, now))
            since[sign.subject] = (sign.mark, start if mark == sign.mark else now)
            if now - since[sign.subject][1] > sign.limit:
                found.append(sign.subject)
        self._since = since
        return found
