"""Every key of the configuration: its kind, its default, and what it is for. This is the only place where they stand.

A type says its key's rule (see `rules`). The schema, `docs/configuration.md` and its test read them from here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

from nodepulse_core.config.rules import (
    Attempts,
    Count,
    Delay,
    Duration,
    EndpointText,
    Headers,
    Interval,
    Listen,
    Name,
    NetworkText,
    Port,
    Secret,
    ServerID,
    Size,
    URLText,
)
from nodepulse_core.model import (
    MAX_MEMORY,
    Access,
    Backoff,
    BasicAuth,
    Compression,
    Destination,
    Isolation,
    Payload,
    Retry,
    Tls,
    repr_endpoint,
)

_MIB = 1024**2
_NO_HEADERS = Headers({})


def about(text: str, otherwise: str | None = None) -> dict[str, Any]:
    """Return a field's metadata: what its key is for, and, where its default is found elsewhere, in words which."""
    return {"about": text, "otherwise": otherwise}


@frozen
class TlsSettings:
    """How a peer is checked, and what is shown to it."""

    ca_file: Path | None = field(
        default=None, metadata=about("PEM file of the authorities to trust", "those of the system")
    )
    cert_file: Path | None = field(default=None, metadata=about("PEM file of the client certificate to show (mTLS)"))
    key_file: Path | None = field(default=None, metadata=about("PEM file of that certificate's key"))
    insecure_skip_verify: bool = field(default=False, metadata=about("trust any certificate; for tests only"))

    def tls(self) -> Tls:
        """Return what a peer is checked with."""
        return Tls(self.ca_file, self.cert_file, self.key_file, self.insecure_skip_verify)


@frozen
class BasicAuthSettings:
    """User and password; the password stands here, or in a file that is read at each scrape."""

    username: str = field(metadata=about("the user"))
    password: Secret | None = field(default=None, repr=False, metadata=about("the password; best as `${VAR}`"))
    password_file: Path | None = field(
        default=None, metadata=about("file that holds the password instead; read for each scrape")
    )

    def auth(self) -> BasicAuth:
        """Return user and password, or the file that holds it."""
        return BasicAuth(self.username, self.password or "", self.password_file)


@frozen
class RetrySettings:
    """How often a scrape is tried within its slot."""

    max_attempts: Attempts = field(default=Attempts(1), metadata=about("tries in all; they end before the next slot"))
    backoff: Backoff = field(default="exponential", metadata=about("how the wait between two tries grows"))


@frozen
class Server:
    """Where batches go."""

    endpoint: URLText = field(repr=repr_endpoint, metadata=about("the dashboard's URL"))
    timeout: Duration = field(default=Duration(5.0), metadata=about("how long one POST may take"))
    compression: Compression = field(
        default="none",
        metadata=about("how bodies are packed; ask the dashboard first. zstd needs nodepulse-core[zstd]"),
    )
    sender: str = field(default="dashboard", metadata=about("what delivers: the built-in one, or a plugin's"))
    headers: Headers = field(default=_NO_HEADERS, repr=False, metadata=about("sent with every POST"))
    bearer_token_file: Path | None = field(
        default=None, metadata=about("file whose content is sent as bearer token; read for each POST")
    )
    tls: TlsSettings = field(default=TlsSettings(), metadata=about("TLS towards the dashboard"))

    def destination(self) -> Destination:
        """Return what a sender is made from."""
        access = Access(self.headers, None, self.bearer_token_file, self.tls.tls())
        return Destination(self.endpoint, self.timeout, self.compression, access)


@frozen
class Agent:
    """Who this is, and where it keeps its state."""

    server_id: ServerID | None = field(
        default=None, metadata=about("what the dashboard knows this server by", "made at the first start, and kept")
    )
    interval: Interval | None = field(
        default=None, metadata=about("time between two scrapes of exporters that name none", "the exporter's own")
    )
    state_dir: Path | None = field(
        default=None,
        metadata=about("directory for the id and the buffer", "/var/lib/nodepulse, else one of the user's"),
    )


@frozen
class ExporterSettings:
    """One target."""

    name: Name = field(metadata=about("the target's name, unique; in the mapping form the key is the name"))
    type: Name | None = field(
        default=None, metadata=about("an installed exporter, or `prometheus` for any other; raw text", "the name")
    )
    enabled: bool = field(default=True, metadata=about("whether it is scraped"))
    endpoint: EndpointText | None = field(
        default=None, repr=repr_endpoint, metadata=about("where it answers", "the exporter's own")
    )
    interval: Interval | None = field(
        default=None, metadata=about("time between two scrapes", "agent.interval, else the exporter's own")
    )
    timeout: Duration | None = field(
        default=None, metadata=about("how long a scrape may take; not longer than the interval", "3s, or the interval")
    )
    payload: Payload | None = field(
        default=None, metadata=about("what is sent of it", "snapshot if the exporter has one, else raw")
    )
    retry: RetrySettings = field(default=RetrySettings(), metadata=about("trying again within the slot"))
    headers: Headers = field(default=_NO_HEADERS, repr=False, metadata=about("sent with every scrape"))
    basic_auth: BasicAuthSettings | None = field(default=None, metadata=about("user and password"))
    bearer_token_file: Path | None = field(
        default=None, metadata=about("file whose content is sent as bearer token; read for each scrape")
    )
    tls: TlsSettings = field(default=TlsSettings(), metadata=about("TLS towards the exporter"))
    max_body_size: Size = field(default=Size(16 * _MIB), metadata=about("largest answer, decoded"))
    sample_limit: Count | None = field(default=None, metadata=about("most samples in a scrape", "no limit"))
    isolation: Isolation = field(
        default="none", metadata=about("whether its exporter runs in the agent, or in a process of its own")
    )
    max_memory: Size = field(default=Size(MAX_MEMORY), metadata=about("most memory of the process of its own"))

    def access(self) -> Access:
        """Return what its requests carry."""
        auth = self.basic_auth.auth() if self.basic_auth else None
        return Access(self.headers, auth, self.bearer_token_file, self.tls.tls())

    def retries(self) -> Retry:
        """Return how often a scrape is tried."""
        return Retry(self.retry.max_attempts, self.retry.backoff)


@frozen
class Discovery:
    """Finding exporters on this machine."""

    enabled: bool = field(default=False, metadata=about("whether exporters are looked for"))
    scan_ports: tuple[Port, ...] | None = field(
        default=None, metadata=about("ports to look at", "what installed exporters declare")
    )
    scan_interval: Interval = field(default=Interval(300.0), metadata=about("time between two looks"))


@frozen
class BufferSettings:
    """What waits on disk, and how long."""

    path: Path | None = field(default=None, metadata=about("directory of the buffer", "`buffer` in agent.state_dir"))
    retention_hours: Count = field(default=Count(48), metadata=about("how long an entry waits for the dashboard"))
    batch_size: Count = field(default=Count(10), metadata=about("entries in one POST, when there is a backlog"))
    max_bytes: Size = field(default=Size(1024 * _MIB), metadata=about("most that waits; the oldest goes first"))
    min_free_bytes: Size = field(default=Size(256 * _MIB), metadata=about("what is always left free on the disk"))
    fsync: Literal["always", "interval", "never"] = field(
        default="always", metadata=about("when files are forced to disk; only `always` survives a power cut whole")
    )
    drain_jitter: Delay = field(
        default=Delay(5.0), metadata=about("longest random wait before a POST, so that a fleet does not send at once")
    )


@frozen
class Api:
    """The agent's own HTTP."""

    enabled: bool = field(default=True, metadata=about("whether the agent listens"))
    listen: Listen = field(
        default=Listen("127.0.0.1:8088"), metadata=about("where; another address than loopback needs a token")
    )
    token_file: Path | None = field(default=None, metadata=about("file with the token that callers must show"))
    allow_targets: tuple[NetworkText, ...] = field(
        default=(), metadata=about("networks in which targets that are added may be, such as `10.0.0.0/8`", "loopback")
    )


@frozen
class LogFile:
    """The log as a file, and its rotation."""

    path: Path | None = field(default=None, metadata=about("the file", "`nodepulse.log` in agent.state_dir"))
    max_size_mb: Count = field(default=Count(10), metadata=about("MiB after which a new file is begun"))
    max_backups: Count = field(default=Count(3), metadata=about("old files that are kept"))
    max_age_days: Count = field(default=Count(7), metadata=about("days that old files are kept"))
    compress: bool = field(default=False, metadata=about("whether old files are packed with gzip"))


@frozen
class Logging:
    """What the agent says, and where."""

    level: Literal["debug", "info", "warning", "error"] = field(
        default="info", metadata=about("the least that is worth a line")
    )
    format: Literal["logfmt", "json"] = field(default="logfmt", metadata=about("how a line is written"))
    output: Literal["stdout", "file", "both"] = field(default="stdout", metadata=about("where lines go"))
    file: LogFile = field(default=LogFile(), metadata=about("the file, and its rotation"))


@frozen
class Plugins:
    """Which plugins are used."""

    disabled: tuple[str, ...] = field(
        default=(), metadata=about("entry points that are not loaded; `$NODEPULSE_DISABLED_PLUGINS` adds to them")
    )
    isolated: tuple[str, ...] = field(
        default=(), metadata=about("exporters that run in processes of their own, whatever target they are for")
    )


@frozen
class Settings:
    """A whole configuration. `exporters` and `discovery` are structured by themselves, since they have two forms."""

    server: Server = field(metadata=about("where batches go"))
    agent: Agent = field(default=Agent(), metadata=about("who this is, and where it keeps its state"))
    exporters: tuple[ExporterSettings, ...] = field(default=(), metadata=about("what is scraped"))
    discovery: Discovery = field(default=Discovery(), metadata=about("finding exporters on this machine"))
    buffer: BufferSettings = field(default=BufferSettings(), metadata=about("what waits on disk, and how long"))
    api: Api = field(default=Api(), metadata=about("the agent's own HTTP"))
    logging: Logging = field(default=Logging(), metadata=about("what the agent says, and where"))
    plugins: Plugins = field(default=Plugins(), metadata=about("which plugins are used"))
