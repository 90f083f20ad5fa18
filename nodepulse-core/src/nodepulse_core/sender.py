"""What delivers batches to a destination: the Sender contract and the three answers."""

from __future__ import annotations

from typing import Literal, Protocol, get_args

from attrs import field, frozen, validators

from nodepulse_core.model import Batch, Entry

Pace = Literal["backoff", "slow"]
"""How to try again: exponentially from a second on, or slowly because a person has to change something."""

Fault = Literal["content", "size"]
"""Why a batch was refused: something in it is bad, or there is too much of it."""

# A sender is foreign code: what it answers wrongly fails where it does so, and counts as what it raised.
_TEXT = validators.instance_of(str)


@frozen
class Accepted:
    """The destination has the batch, now or since an earlier try; its entries go."""


@frozen
class Later:
    """The destination cannot take the batch now; its entries stay. `delay` is in seconds, None: by the pace."""

    reason: str = field(validator=_TEXT)
    delay: float | None = field(default=None, validator=validators.optional(validators.instance_of((int, float))))
    pace: Pace = field(default="backoff", validator=validators.in_(get_args(Pace)))


@frozen
class Refused:
    """The destination will never take the batch as it is. `entries` are the bad ones; none: not known, split it."""

    reason: str = field(validator=_TEXT)
    entries: tuple[Entry, ...] = field(default=(), converter=tuple)
    fault: Fault = field(default="content", validator=validators.in_(get_args(Fault)))


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
