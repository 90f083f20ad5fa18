"""The configuration that `nodepulse config init` writes: it works as it stands, and says what else there is."""

from __future__ import annotations

import json
from collections.abc import Iterable

_TEXT = """\
# NodePulse. Check it with: nodepulse config check
# All keys: nodepulse config schema, and docs/configuration.md

server:
  endpoint: {endpoint}  # where batches are sent
  # timeout: 5s
  # bearer_token_file: /etc/nodepulse/token

{agent}

exporters:
{exporters}
  # Anything else that answers with Prometheus text; it is sent as it is:
  # - name: custom_app
  #   endpoint: http://localhost:8080/metrics
  #   interval: 1m

# buffer:
#   retention_hours: 48  # how long an entry waits for the dashboard
#   max_bytes: 1GiB  # most that waits; the oldest goes first

# logging:
#   level: info
"""

_ANYBODY = """\
# agent:
#   interval: 15s  # for exporters that name none"""
_SOMEBODY = """\
agent:
  server_id: {}  # what the dashboard knows this server by
  # interval: 15s  # for exporters that name none"""

Listed = tuple[str, str | None, str | None]
"""A target: its name, and its type and endpoint where they are not what its name says."""


def starter(endpoint: str, exporters: Iterable[Listed], server_id: str | None = None) -> str:
    """Return a commented configuration for a dashboard's URL, some targets, and who this server is."""
    named = _write(exporters) or _write([("node_exporter", None, "http://localhost:9100/metrics")])
    agent = _ANYBODY if server_id is None else _SOMEBODY.format(json.dumps(server_id))
    return _TEXT.format(endpoint=json.dumps(endpoint, ensure_ascii=False), agent=agent, exporters=named.rstrip("\n"))


def write_found(exporters: Iterable[Listed]) -> str:
    """Return the part of a configuration that declares some targets."""
    return f"exporters:\n{_write(exporters)}"


def _write(exporters: Iterable[Listed]) -> str:
    lines = []
    for name, type_, endpoint in exporters:
        lines.append(f"  - name: {name}")
        lines += [f"    type: {type_}"] if type_ not in {None, name} else []
        lines += [f"    endpoint: {json.dumps(endpoint)}"] if endpoint is not None else []
    return "".join(f"{line}\n" for line in lines)
