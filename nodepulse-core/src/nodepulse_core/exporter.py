"""What an exporter plugin provides: the Exporter contract, and HTTPExporter, which meets it without code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from nodepulse_core.errors import FieldError
from nodepulse_core.fields import Field, parse_field, take_fields
from nodepulse_core.model import Target
from nodepulse_core.units import parse_duration

SnapshotObjects = dict[str, Any] | list[dict[str, Any]] | None
"""What a snapshot function returns: one object, several, or None to have the raw text sent."""


class HTTP(Protocol):
    """What an exporter is given to reach its target: one bounded, redirect-free GET."""

    async def get(self, target: Target) -> bytes:
        """Return the decoded body of the target's endpoint; raises ScrapeError with the reason."""
        ...


class Exporter(Protocol):
    """One type of exporter. It holds no state of its own and serves many targets.

    `scrape` may also be a plain function: it is then run in a thread.
    """

    @property
    def name(self) -> str:
        """The type's name, such as `redis_exporter`; also the key of its snapshots on the wire."""
        ...

    @property
    def default_endpoint(self) -> str:
        """Where it is found on most machines."""
        ...

    @property
    def default_interval(self) -> float:
        """Seconds between two scrapes, where the configuration says nothing."""
        ...

    async def scrape(self, target: Target, http: HTTP) -> bytes:
        """Return one exposition (text format 0.0.4); raises ScrapeError, or anything, where there is none."""
        ...

    def snapshot(self, text: str) -> SnapshotObjects:
        """Return what is sent of a stored exposition; None sends the text itself.

        Every sample carries a timestamp: the slot in milliseconds, unless the exporter wrote its own.
        """
        ...

    def detect(self, text: str) -> bool:
        """Tell whether an exposition found on this machine is of this type."""
        ...


class HTTPExporter:
    """An exporter that answers HTTP GET with text, as nearly all do."""

    def __init__(
        self,
        name: str,
        *,
        default_endpoint: str,
        default_interval: str = "15s",
        fields: Mapping[str, str | Field] | None = None,
        snapshot: Callable[[str], SnapshotObjects] | None = None,
        detect: Callable[[str], bool] | None = None,
    ) -> None:
        """Describe an exporter.

        `fields` maps each field of the snapshot to where it is taken from (see `nodepulse_core.fields`);
        `snapshot` is a function for what fields cannot say. Without either the raw text is sent.
        Without `detect`, an exposition is of this type when its snapshot holds anything.

        Raises FieldError where a field is written wrongly, ValueError where the interval is no duration.
        """
        if fields is not None and snapshot is not None:
            raise FieldError(f"{name}: give fields or snapshot, not both")
        self.name = name
        self.default_endpoint = default_endpoint
        self.default_interval = parse_duration(default_interval)
        self._fields = {key: parse_field(source) for key, source in (fields or {}).items()}
        self._snapshot = snapshot
        self._detect = detect

    def __repr__(self) -> str:
        return f"HTTPExporter({self.name!r}, default_endpoint={self.default_endpoint!r})"

    async def scrape(self, target: Target, http: HTTP) -> bytes:
        """Return the body that the target's endpoint answers with."""
        return await http.get(target)

    def snapshot(self, text: str) -> SnapshotObjects:
        """Return the fields' values, or what the exporter's own function makes of the text."""
        if self._snapshot is not None:
            return self._snapshot(text)
        return take_fields(self._fields, text) if self._fields else None

    def detect(self, text: str) -> bool:
        """Ask the exporter's own function; without one, look whether the snapshot holds anything."""
        if self._detect is not None:
            return self._detect(text)
        return bool(self.snapshot(text))
