"""`nodepulse plugins`: what is installed, what of it works, and how more gets there."""

from __future__ import annotations

import click

from nodepulse_core.cli.plugins_check import check
from nodepulse_core.cli.plugins_install import install, uninstall
from nodepulse_core.cli.plugins_list import list_plugins
from nodepulse_core.cli.plugins_missing import missing
from nodepulse_core.cli.plugins_new import new
from nodepulse_core.cli.plugins_show import show


@click.group()
def plugins() -> None:
    """Show the installed plugins, and install and remove them."""


for _command in (list_plugins, show, install, uninstall, missing, check, new):
    plugins.add_command(_command)
