"""What is installed beside the core, and how it is kept from harming it."""

from nodepulse_core.plugins.host import PluginHost
from nodepulse_core.plugins.metadata import Installed, read_installed
from nodepulse_core.plugins.registry import Registry

__all__ = ["Installed", "PluginHost", "Registry", "read_installed"]
