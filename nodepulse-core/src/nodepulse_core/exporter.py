"""What an exporter plugin provides: the Exporter contract, and HTTPExporter, which meets it without code."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

from attrs import frozen

from nodepulse_core.blocking import call_blocking
from nodepulse_core.errors import FieldError
from nodepulse_core.families import Family, write_exposition
from nodepulse_core.fields import Field, parse_field, take_fields
from nodepulse_core.model import Target
from nodepulse_core.units import parse_duration

HTTP_SCHEMES = ("http", "https")
SnapshotObjects = dict[str, Any] | list[dict[str, Any]] | None
"""What a snapshot function returns: one object, several, or None to have the raw text sent."""


class HTTP(Protocol):
    """What an exporter is given to reach its target: one bounded, redirect-free GET."""

    async def get(self, target: Target) -> bytes:
        """Return the decoded body of the target's endpoint; raises ScrapeError with the reason."""
        ...


class Exporter(Protocol):
    """One type of exporter. It holds no state that a scrape depends on, and serves many targets.

    `scrape` may also be a plain function: it is then run in a thread. More members are optional: `schemes`, a tuple of
    the schemes of endpoints that it reads (without it http and https); `ports`, a tuple of the ports that it is looked
    for at, the usual one first (without it that of `default_endpoint`); `field_names`, a tuple of the fields that its
    snapshots have, each of which is missed if it was there once; `fields`, a mapping of those names to Fields where
    they are taken by such; `access`, a sentence on what a target must grant; and `async close()`, called once when the
    agent ends, for what it keeps open.
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


class Collector(Protocol):
    """What collects a target's metrics without an exporter's process in between.

    It may have an `async close()`, as an exporter may.
    """

    def collect(self, target: Target) -> Iterable[Family] | Awaitable[Iterable[Family]]:
        """Return the target's metrics; raises ScrapeError, or anything, where there are none.

        It is a coroutine function, or a plain one, which is run in a thread.
        """
        ...


def schemes_of(exporter: Exporter) -> tuple[str, ...]:
    """Return the schemes of the endpoints that an exporter reads."""
    return tuple(getattr(exporter, "schemes", HTTP_SCHEMES))


def ports_of(exporter: Exporter) -> tuple[int, ...]:
    """Return the ports that an exporter is looked for at, its usual one first."""
    ports = getattr(exporter, "ports", None)
    if ports is None:
        usual = urlsplit(exporter.default_endpoint)
        ports = (usual.port,) if usual.scheme in HTTP_SCHEMES and usual.port else ()
    return tuple(ports)


def fields_of(exporter: Exporter) -> dict[str, Field]:
    """Return what each field of an exporter's snapshots is taken from, as far as it says that."""
    return dict(getattr(exporter, "fields", {}))


def field_names_of(exporter: Exporter) -> tuple[str, ...]:
    """Return the names of the fields that an exporter's snapshots have; none where it does not say them."""
    return tuple(getattr(exporter, "field_names", fields_of(exporter)))


def access_of(exporter: Exporter) -> str:
    """Return what a target must grant an exporter, in words; "" where it does not say it."""
    return str(getattr(exporter, "access", ""))


@frozen
class Description:
    """What a configuration needs to know of an exporter."""

    name: str
    default_endpoint: str
    default_interval: float
    schemes: tuple[str, ...] = HTTP_SCHEMES
    ports: tuple[int, ...] = ()
    field_names: tuple[str, ...] = ()


def describe(exporter: Exporter) -> Description:
    """Return what a configuration needs to know of an exporter."""
    return Description(
        name=exporter.name,
        default_endpoint=exporter.default_endpoint,
        default_interval=exporter.default_interval,
        schemes=schemes_of(exporter),
        ports=ports_of(exporter),
        field_names=field_names_of(exporter),
    )


class HTTPExporter:
    """An exporter that answers HTTP GET with text, as nearly all do; some of them can also do without."""

    def __init__(
        self,
        name: str,
        *,
        default_endpoint: str,
        default_interval: str = "15s",
        fields: Mapping[str, str | Field] | None = None,
        snapshot: Callable[[str], SnapshotObjects] | None = None,
        detect: Callable[[str], bool] | None = None,
        collectors: Mapping[str, Collector] | None = None,
        ports: Iterable[int] | None = None,
        field_names: Iterable[str] = (),
        access: str = "",
    ) -> None:
        """Describe an exporter.

        `fields` maps each field of the snapshot to where it is taken from (see `nodepulse_core.fields`);
        `snapshot` is a function for what fields cannot say. Without either the raw text is sent.
        Without `detect`, an exposition is of this type when its snapshot holds anything.
        `ports` are where it is looked for, the usual one first; without them at that of `default_endpoint`.
        `collectors` maps schemes of endpoints, such as `redis`, to what collects there by itself.
        `field_names` are what `snapshot` makes; those of `fields` are known. `access` says what a target must grant.

        Raises FieldError where a field is written wrongly, ValueError where the interval is no duration.
        """
        if fields is not None and snapshot is not None:
            raise FieldError(f"{name}: give fields or snapshot, not both")
        self.name = name
        self.default_endpoint = default_endpoint
        self.default_interval = parse_duration(default_interval)
        self.fields = {key: parse_field(source) for key, source in (fields or {}).items()}
        self.field_names = (*self.fields, *field_names)
        self.access = access
        self._snapshot = snapshot
        self._detect = detect
        self._collectors = dict(collectors or {})
        self.schemes = (*HTTP_SCHEMES, *self._collectors)
        self.ports = None if ports is None else tuple(ports)

    def __repr__(self) -> str:
        return f"HTTPExporter({self.name!r}, default_endpoint={self.default_endpoint!r})"

    async def scrape(self, target: Target, http: HTTP) -> bytes:
        """Return the body that the target's endpoint answers with, or what its scheme's collector collects."""
        collector = self._collectors.get(target.endpoint.partition(":")[0].lower())
        if collector is None:
            return await http.get(target)
        if inspect.iscoroutinefunction(collector.collect):
            return write_exposition(await collector.collect(target)).encode()
        return await call_blocking(partial(_collect, collector, target), f"collect {target.name}")

    async def close(self) -> None:
        """Close what the collectors keep open."""
        for collector in {id(each): each for each in self._collectors.values()}.values():
            if hasattr(collector, "close"):
                await collector.close()

    def snapshot(self, text: str) -> SnapshotObjects:
        """Return the fields' values, or what the exporter's own function makes of the text."""
        if self._snapshot is not None:
            return self._snapshot(text)
        return take_fields(self.fields, text) if self.fields else None

    def detect(self, text: str) -> bool:
        """Ask the exporter's own function; without one, look whether the snapshot holds anything."""
        if self._detect is not None:
            return self._detect(text)
        return bool(self.snapshot(text))


def _collect(collector: Any, target: Target) -> bytes:
    return write_exposition(collector.collect(target)).encode()
