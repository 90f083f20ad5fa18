"""The command `nodepulse`."""

from nodepulse_core.cli.main import main

__all__ = ["main"]
