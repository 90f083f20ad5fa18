"""The things that cross a stage, all frozen: target, entry, snapshot, batch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from attrs import field, frozen

from nodepulse_core.reach import Reach

Backoff = Literal["exponential", "constant", "none"]
Payload = Literal["snapshot", "raw"]
Compression = Literal["none", "gzip", "zstd"]
Isolation = Literal["none", "process"]

MAX_MEMORY = 256 * 1024**2
"""What an exporter's own process may need, in bytes, unless its target says otherwise."""

GENERIC = "prometheus"
"""The type of a target that no exporter plugin describes: its text is sent raw, under its own name."""


def show_endpoint(endpoint: str) -> str:
    """Return an endpoint without what may be a secret: no user, no query, no fragment."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return "…"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def repr_endpoint(endpoint: str | None) -> str:
    """Return an endpoint's repr, which says how it is written and not what the environment holds, without its query."""
    before, mark, _ = repr(endpoint).partition("?")
    return f"{before}?…'" if mark else before


@frozen
class Retry:
    """How often a scrape is tried within its slot."""

    max_attempts: int = 1
    backoff: Backoff = "exponential"


@frozen
class Tls:
    """How a TLS peer is checked, and what is shown to it. Paths are of PEM files."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False

    @property
    def is_set(self) -> bool:
        """Tell whether anything is asked for, so that a connection without TLS would be another than was meant."""
        return self != Tls()


@frozen
class BasicAuth:
    """User and password, for HTTP basic authentication or a server's own; the password is never shown.

    It stands here or in a file; without either there is none.
    """

    username: str
    password: str = field(default="", repr=False)
    password_file: Path | None = None


@frozen
class Access:
    """What a request needs besides its URL."""

    headers: Mapping[str, str] = field(factory=dict, repr=False)
    basic_auth: BasicAuth | None = None
    bearer_token_file: Path | None = None
    tls: Tls = Tls()


@frozen
class Destination:
    """Where batches go, and how: what a sender is made from. The timeout is in seconds."""

    endpoint: str = field(repr=repr_endpoint)
    timeout: float = 5.0
    compression: Compression = "none"
    access: Access = Access()


@frozen
class Target:
    """One configured instance of an exporter. Times are seconds, sizes bytes."""

    name: str
    type: str
    endpoint: str = field(repr=repr_endpoint)
    interval: float
    timeout: float
    payload: Payload = "raw"
    retry: Retry = Retry()
    access: Access = Access()
    max_body_size: int = 16 * 1024**2
    sample_limit: int | None = None
    reach: Reach | None = None
    """Where it may be; None where the file declares it: that is allowed everything."""
    isolation: Isolation = "none"
    max_memory: int = MAX_MEMORY
    """What the process of its own may need, where it has one."""


@frozen(order=True)
class Window:
    """All entries of one agent whose slots fall into the same second."""

    slot: int
    server_id: str


@frozen(order=True)
class Entry:
    """One scrape on disk: its window, its target's name and its size in bytes.

    (server_id, target, slot) is its identity; the file's name says the same.
    """

    window: Window
    target: str
    size: int = field(default=0, eq=False)

    @property
    def slot(self) -> int:
        """The collection time, in whole seconds since the epoch."""
        return self.window.slot


@frozen
class StoredScrape:
    """What a file of the buffer holds. The type is None where the file does not say it."""

    type: str | None
    text: str = field(repr=False)


@frozen
class Snapshot:
    """What is sent of one entry: one or more objects under a key, and the exposition they were made from.

    The key is the exporter's type, or a generic target's own name. `json` is the objects as the wire carries
    them, strict and joined by commas.
    """

    entry: Entry
    key: str
    objects: tuple[Mapping[str, Any], ...]
    json: bytes = field(repr=False)
    text: str = field(repr=False)


@frozen
class Batch:
    """What one POST carries: snapshots of whole windows of one server_id, oldest first."""

    server_id: str
    snapshots: tuple[Snapshot, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries it is made of, in order."""
        return tuple(snapshot.entry for snapshot in self.snapshots)

    @property
    def id(self) -> str:
        """A digest of the entries: the same for the same batch, on every try and after every restart."""
        names = "\n".join(f"{entry.target} {entry.slot}" for entry in self.entries)
        return hashlib.sha256(f"{self.server_id}\n{names}".encode()).hexdigest()[:32]
