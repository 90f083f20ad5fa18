"""NodePulse: scrapes Prometheus exporters, keeps every scrape on disk, delivers them in batches.

What is imported here is what a plugin uses; it stays compatible within a minor version.
"""

from nodepulse_core.blocking import call_blocking
from nodepulse_core.connections import Connections
from nodepulse_core.errors import NodePulseError, ScrapeError
from nodepulse_core.exporter import HTTP, Collector, Exporter, HTTPExporter
from nodepulse_core.exposition import Exposition, Sample
from nodepulse_core.families import Distribution, Family, write_exposition
from nodepulse_core.fields import Age, Count, Field, First, Integer, Max, Min, Ratio
from nodepulse_core.hookspecs import hookimpl
from nodepulse_core.model import Batch, Destination, Entry, Snapshot, Target
from nodepulse_core.peer.access import read_password
from nodepulse_core.peer.reasons import explain
from nodepulse_core.peer.tls import tls_context
from nodepulse_core.sender import Accepted, Later, Refused, Sender

__version__ = "0.1.0"

__all__ = [
    "HTTP",
    "Accepted",
    "Age",
    "Batch",
    "Collector",
    "Connections",
    "Count",
    "Destination",
    "Distribution",
    "Entry",
    "Exporter",
    "Exposition",
    "Family",
    "Field",
    "First",
    "HTTPExporter",
    "Integer",
    "Later",
    "Max",
    "Min",
    "NodePulseError",
    "Ratio",
    "Refused",
    "Sample",
    "ScrapeError",
    "Sender",
    "Snapshot",
    "Target",
    "__version__",
    "call_blocking",
    "explain",
    "hookimpl",
    "read_password",
    "tls_context",
    "write_exposition",
]
