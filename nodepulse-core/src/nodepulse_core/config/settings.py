"""Every key of the configuration, with its default. This is the only place where defaults stand.

A type says its key's rule; `structure` checks values against it. Durations are seconds, sizes are bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NewType

from attrs import field, frozen

from nodepulse_core.model import Access, Backoff, BasicAuth, Compression, Destination, Payload, Retry, Tls

Duration = NewType("Duration", float)
"""More than 0."""
Delay = NewType("Delay", float)
"""0 or more."""
Interval = NewType("Interval", float)
"""At least 1 s."""
Size = NewType("Size", int)
"""More than 0; `16MiB`, or a number of bytes."""
Count = NewType("Count", int)
"""At least 1."""
URLText = NewType("URLText", str)
"""An http or https URL."""
EndpointText = NewType("EndpointText", str)
"""An http or https URL, or what else its exporter reads, such as `redis://localhost` or `host:`."""
Name = NewType("Name", str)
ServerID = NewType("ServerID", str)
Headers = NewType("Headers", dict[str, str])
"""Header names with their values, each one line."""
Port = NewType("Port", int)
Listen = NewType("Listen", str)
"""`host:port`."""


@frozen
class TlsSettings:
    """`tls`: how a peer is checked, and what is shown to it."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False

    def tls(self) -> Tls:
        """Return what a peer is checked with."""
        return Tls(self.ca_file, self.cert_file, self.key_file, self.insecure_skip_verify)


@frozen
class BasicAuthSettings:
    """`basic_auth`: the password stands here, or in a file that is read at each scrape."""

    username: str
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None

    def auth(self) -> BasicAuth:
        """Return user and password, or the file that holds it."""
        return BasicAuth(self.username, self.password or "", self.password_file)


@frozen
class RetrySettings:
    """`retry`: how often a scrape is tried within its slot."""

    max_attempts: Count = Count(1)
    backoff: Backoff = "exponential"


@frozen
class Server:
    """`server`: where batches go."""

    endpoint: URLText
    timeout: Duration = Duration(5.0)
    compression: Compression = "none"
    sender: str = "dashboard"
    headers: Headers = field(factory=lambda: Headers({}), repr=False)
    bearer_token_file: Path | None = None
    tls: TlsSettings = TlsSettings()

    def destination(self) -> Destination:
        """Return what a sender is made from."""
        access = Access(self.headers, None, self.bearer_token_file, self.tls.tls())
        return Destination(self.endpoint, self.timeout, self.compression, access)


@frozen
class Agent:
    """`agent`: who this is."""

    server_id: ServerID | None = None
    interval: Interval | None = None
    state_dir: Path | None = None


@frozen
class ExporterSettings:
    """One of `exporters`."""

    name: Name
    type: Name | None = None
    enabled: bool = True
    endpoint: EndpointText | None = None
    interval: Interval | None = None
    timeout: Duration | None = None
    payload: Payload | None = None
    retry: RetrySettings = RetrySettings()
    headers: Headers = field(factory=lambda: Headers({}), repr=False)
    basic_auth: BasicAuthSettings | None = None
    bearer_token_file: Path | None = None
    tls: TlsSettings = TlsSettings()
    max_body_size: Size = Size(16 * 1024**2)
    sample_limit: Count | None = None

    def access(self) -> Access:
        """Return what its requests carry."""
        auth = self.basic_auth.auth() if self.basic_auth else None
        return Access(self.headers, auth, self.bearer_token_file, self.tls.tls())

    def retries(self) -> Retry:
        """Return how often a scrape is tried."""
        return Retry(self.retry.max_attempts, self.retry.backoff)


@frozen
class Discovery:
    """`discovery`: finding exporters on this machine."""

    enabled: bool = False
    scan_ports: tuple[Port, ...] | None = None
    scan_interval: Interval = Interval(300.0)


@frozen
class BufferSettings:
    """`buffer`: what waits on disk, and how long."""

    path: Path | None = None
    retention_hours: Count = Count(48)
    batch_size: Count = Count(10)
    max_bytes: Size = Size(1024**3)
    min_free_bytes: Size = Size(256 * 1024**2)
    fsync: Literal["always", "interval", "never"] = "always"
    drain_jitter: Delay = Delay(5.0)


@frozen
class Api:
    """`api`: the agent's own HTTP."""

    enabled: bool = True
    listen: Listen = Listen("127.0.0.1:8088")
    token_file: Path | None = None


@frozen
class LogFile:
    """`logging.file`: the log as a file, and its rotation."""

    path: Path | None = None
    max_size_mb: Count = Count(10)
    max_backups: Count = Count(3)
    max_age_days: Count = Count(7)
    compress: bool = False


@frozen
class Logging:
    """`logging`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["logfmt", "json"] = "logfmt"
    output: Literal["stdout", "file", "both"] = "stdout"
    file: LogFile = LogFile()


@frozen
class Plugins:
    """`plugins`."""

    disabled: tuple[str, ...] = ()


@frozen
class Settings:
    """A whole configuration. `exporters` and `discovery` are structured by themselves, since they have two forms."""

    server: Server
    agent: Agent = Agent()
    buffer: BufferSettings = BufferSettings()
    api: Api = Api()
    logging: Logging = Logging()
    plugins: Plugins = Plugins()
    exporters: tuple[ExporterSettings, ...] = ()
    discovery: Discovery = Discovery()
