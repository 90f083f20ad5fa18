"""Exporters in processes of their own: what the agent starts, asks, bounds, and starts again."""

from nodepulse_core.isolation.exporter import ChildState, IsolatedExporter
from nodepulse_core.isolation.isolation import Isolation

__all__ = ["ChildState", "IsolatedExporter", "Isolation"]
