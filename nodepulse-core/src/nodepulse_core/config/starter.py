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

# agent:
#   interval: 15s  # for exporters that name none

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


def starter(endpoint: str, exporters: Iterable[str]) -> str:
    """Return a commented configuration for a dashboard's URL and the names of installed exporters."""
    named = "\n".join(f"  - name: {name}" for name in exporters)
    if not named:
        named = "  - name: node_exporter\n    endpoint: http://localhost:9100/metrics"
    return _TEXT.format(endpoint=json.dumps(endpoint, ensure_ascii=False), exporters=named)
