"""The fixtures of NodePulse, for any test run of an environment that has nodepulse-core: pytest finds them by itself.

Each imports what it needs when it is first asked for; a run that asks for none pays for none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nodepulse_core.testing import Dashboard, FakeClock, MetricsServer, RunningAgent

StartAgent = Callable[..., "RunningAgent"]


@pytest.fixture
def nodepulse_metrics() -> Iterator[MetricsServer]:
    """Give a server of metrics: set its `text`, and have it misbehave with `behave("hang")` and the like."""
    from nodepulse_core.testing.metrics_server import metrics_server  # noqa: PLC0415 - who asks for it pays

    with metrics_server() as server:
        yield server


@pytest.fixture
def nodepulse_dashboard() -> Iterator[Dashboard]:
    """Give a dashboard that keeps what it is sent, and answers as `answer(503)` says."""
    from nodepulse_core.testing.dashboard import dashboard  # noqa: PLC0415 - the same

    with dashboard() as made:
        yield made


@pytest.fixture
def nodepulse_agent(tmp_path: Path, nodepulse_dashboard: Dashboard) -> Iterator[StartAgent]:
    """Give a function that runs an agent, with the endpoints by target, which delivers to `nodepulse_dashboard`."""
    from nodepulse_core.testing.running_agent import running_agent  # noqa: PLC0415 - the same

    with ExitStack() as stack:

        def start(exporters: Mapping[str, str | Mapping[str, Any]], more: str = "") -> RunningAgent:
            return stack.enter_context(running_agent(tmp_path, exporters, nodepulse_dashboard.endpoint, more))

        yield start


@pytest.fixture
def nodepulse_clock() -> FakeClock:
    """Give a clock that is moved by hand."""
    from nodepulse_core.testing.clock import FakeClock  # noqa: PLC0415 - the same

    return FakeClock()
