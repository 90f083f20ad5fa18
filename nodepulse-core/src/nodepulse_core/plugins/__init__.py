"""What is installed beside the core, and how it is kept from harming it."""

from nodepulse_core.foreign import one_line
from nodepulse_core.plugins.host import PluginHost
from nodepulse_core.plugins.metadata import EXPORTERS, PLUGINS, Installed, read_installed
from nodepulse_core.plugins.module import api_version
from nodepulse_core.plugins.naming import name_distribution
from nodepulse_core.plugins.registry import Registry

__all__ = [
    "EXPORTERS",
    "PLUGINS",
    "Installed",
    "PluginHost",
    "Registry",
    "api_version",
    "name_distribution",
    "one_line",
    "read_installed",
]
