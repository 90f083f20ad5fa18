"""What is installed beside the core, and how it is kept from harming it."""

from nodepulse_core.plugins.host import PluginHost
from nodepulse_core.plugins.metadata import EXPORTERS, PLUGINS, Installed, read_installed
from nodepulse_core.plugins.registry import Registry

__all__ = ["EXPORTERS", "PLUGINS", "Installed", "PluginHost", "Registry", "read_installed"]
