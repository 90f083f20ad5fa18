"""What authors of plugins test with: a suite for exporters, and the fixtures of `nodepulse_core.pytest_plugin`.

    from nodepulse_core.testing import ExporterSuite

See docs/authors/testing.md.
"""

from nodepulse_core.testing.clock import FakeClock
from nodepulse_core.testing.dashboard import Dashboard, Post
from nodepulse_core.testing.metrics_server import BEHAVIOURS, Asked, MetricsServer
from nodepulse_core.testing.running_agent import RunningAgent
from nodepulse_core.testing.suite import ExporterSuite

__all__ = ["BEHAVIOURS", "Asked", "Dashboard", "ExporterSuite", "FakeClock", "MetricsServer", "Post", "RunningAgent"]
