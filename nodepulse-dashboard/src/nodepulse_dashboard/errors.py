"""What a sender, a reader or a disk can do wrong to the dashboard; each text goes to whoever asked."""

from __future__ import annotations

from nodepulse_core.errors import NodePulseError


class DeliveryError(NodePulseError):
    """A body that breaks the wire contract; says where in it, and why."""


class QueryError(NodePulseError):
    """A question to the JSON API that is written wrongly."""


class UnknownError(NodePulseError):
    """A question about a server, a source or a field that no snapshot has."""


class StoreError(NodePulseError):
    """A database that cannot be opened, read or written."""
