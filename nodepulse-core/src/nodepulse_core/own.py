"""`nodepulse_agent`: the agent's own metrics as a target like any other, without an endpoint to ask."""

from __future__ import annotations

from collections.abc import Callable

from nodepulse_core.errors import ScrapeError
from nodepulse_core.exporter import HTTP
from nodepulse_core.model import Target

OWN = "nodepulse_agent"
"""The type of the target that an agent is to itself."""


class OwnExporter:
    """Gives the metrics of the very agent that scrapes it; they are sent as raw text."""

    name = OWN
    default_endpoint = "agent:"
    default_interval = 15.0
    schemes = ("agent",)

    def __init__(self, metrics: Callable[[], str] | None = None) -> None:
        """Take what writes the metrics; None outside of an agent that runs."""
        self._metrics = metrics

    async def scrape(self, target: Target, http: HTTP) -> bytes:
        """Return the metrics of this moment; raises ScrapeError where no agent runs in this process."""
        del target, http
        if self._metrics is None:
            raise ScrapeError("these metrics are of a running agent; it answers with them at /metrics")
        return self._metrics().encode()

    def snapshot(self, text: str) -> None:
        """Have the text itself sent."""
        del text

    def detect(self, text: str) -> bool:
        """Claim nothing: what another agent answers with is not of this one."""
        del text
        return False
