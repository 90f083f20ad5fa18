"""What delivers batches to a destination: the Sender contract and the three answers."""

from __future__ import annotations

from typing import Literal, Protocol

from attrs import frozen

from nodepulse_core.model import Batch, Entry

Pace = Literal["backoff", "slow"]
"""How to try again: exponentially from a second on, or slowly because a person has to change something."""

Fault = Literal["content", "size"]
"""Why a batch was refused: something in it is bad, or there is too much of it."""


@frozen
class Accepted:
    """The destination has the batch, now or since an earlier try; its entries go."""


@frozen
class Later:
    """The destination cannot take the batch now; its entries stay. `delay` is in seconds, None: by the pace."""

    reason: str
    delay: float | None = None
    pace: Pace = "backoff"


@frozen
class Refused:
    """The destination will never take the batch as it is. `entries` are the bad ones; none: not known, split it."""

    reason: str
    entries: tuple[Entry, ...] = ()
    fault: Fault = "content"


Answer = Accepted | Later | Refused


class Sender(Protocol):
    """A way to one kind of destination. The drain awaits one `send` at a time."""

    @property
    def name(self) -> str:
        """The sender's name, as in the logs."""
        ...

    @property
    def ordered(self) -> bool:
        """Whether batches must arrive oldest first: then nothing overtakes a batch that has to wait."""
        ...

    async def send(self, batch: Batch) -> Answer:
        """Deliver a batch and say how it went. What it raises counts as Later."""
        ...

    async def close(self) -> None:
        """Give back connections; called once, at the end."""
        ...
