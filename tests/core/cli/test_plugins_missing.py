"""`nodepulse plugins missing`: one line for pip, and what is none."""

from __future__ import annotations

from support.command import Command
from support.plugins import HOOK

HEAD = "server: {endpoint: 'http://localhost:1'}\n"


def test_what_is_needed_and_not_there_is_one_line(command: Command) -> None:
    """Each distribution once, on standard output; who needs it on standard error; the status is 1."""
    command.configure(
        f"{HEAD}exporters:\n"
        "  - {name: node_exporter}\n"
        "  - {name: mysql_exporter}\n"
        "  - {name: shop, type: mysql_exporter, endpoint: 'http://localhost:2'}\n"
        "  - {name: aws_rds_exporter}\n"
        "  - {name: off_exporter, enabled: false}\n"
        "  - {name: raw, type: prometheus, endpoint: 'http://localhost:3'}\n"
        "  - {name: nodepulse_agent}\n"
    )
    ended = command.run("plugins", "missing")
    assert (ended.returncode, ended.stdout) == (1, "pip install nodepulse-exporter-mysql nodepulse-exporter-aws-rds\n")
    assert ended.stderr.splitlines() == [
        "mysql_exporter needs mysql_exporter",
        "shop needs mysql_exporter",
        "aws_rds_exporter needs aws_rds_exporter",
    ]


def test_where_nothing_is_missing_the_status_is_0(command: Command) -> None:
    """A target with an endpoint works raw: its plugin is named as a hint, and is not missing."""
    command.configure(
        f"{HEAD}exporters:\n  - {{name: node_exporter}}\n"
        "  - {name: mysql_exporter, endpoint: 'http://localhost:2'}\n  - {name: app, endpoint: 'http://localhost:3'}\n"
    )
    ended = command.run("plugins", "missing")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.splitlines() == [
        "mysql_exporter is sent as raw text; with nodepulse-exporter-mysql it would be a snapshot",
        "nothing is missing",
    ]


def test_a_misspelt_type_is_no_plugin(command: Command) -> None:
    """What is nearly an installed exporter is said, and no distribution of that name is asked for."""
    command.configure(f"{HEAD}exporters: [{{name: a, type: redis_exportr}}]\n")
    ended = command.run("plugins", "missing")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "a: there is no exporter 'redis_exportr'; did you mean 'redis_exporter'?\n"


def test_a_disabled_plugin_is_there(command: Command) -> None:
    """What is installed and disabled is not installed by one more pip install."""
    command.configure(f"{HEAD}exporters: [{{name: redis_exporter}}]\nplugins: {{disabled: [redis_exporter]}}\n")
    assert command.run("plugins", "missing").returncode == 0


def test_a_sender_that_nobody_brings_is_missing(command: Command) -> None:
    """A sender has no distribution by convention: it is said, and the status is 1; one that is there is enough."""
    command.configure("server: {endpoint: 'http://localhost:1', sender: carrier}\nexporters: [{name: node_exporter}]\n")
    ended = command.run("plugins", "missing")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "server.sender: no plugin that is installed brings 'carrier'\n"
    source = (
        HOOK + "class Carrier:\n    name, ordered = 'carrier', False\n    async def send(self, batch): ...\n"
        "    async def close(self): ...\n@hookimpl\ndef nodepulse_senders(destination): return [Carrier()]\n"
    )
    command.site.add("carrier", plugins={"carrier": "carrier_module"}, carrier_module=source)
    assert command.run("plugins", "missing").returncode == 0


def test_without_a_configuration_nothing_can_be_said(command: Command) -> None:
    """The status is that of a wrong configuration."""
    assert command.run("plugins", "missing").returncode == 78
