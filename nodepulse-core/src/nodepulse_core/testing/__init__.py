"""What authors of plugins test with."""

from nodepulse_core.testing.clock import FakeClock

__all__ = ["FakeClock"]
