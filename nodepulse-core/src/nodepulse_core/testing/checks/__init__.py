"""What is to hold of a plugin, check by check."""

from nodepulse_core.testing.checks.all import EXPORTER_CHECKS, PLUGIN_CHECKS

__all__ = ["EXPORTER_CHECKS", "PLUGIN_CHECKS"]
