"""`nodepulse plugins show`: what a person needs to use a plugin, on a terminal and as JSON."""

from __future__ import annotations

import json

import pytest
from support.command import Command
from support.plugins import HOOK

SOURCE = (
    '"""full_exporter: of everything one.\n\nMore.\n"""\n'
    + HOOK
    + """
from nodepulse_core import Count, Integer
class Collector:
    def collect(self, target): return ()
@hookimpl
def nodepulse_exporters():
    yield HTTPExporter(
        "full_exporter",
        default_endpoint="http://localhost:9999/metrics",
        default_interval="30s",
        fields={"up": 'up{job="a"}', "cores": Integer(Count("cpu", by="core"))},
        collectors={"full": Collector()},
        access="the role reader",
    )
"""
)


def test_all_of_an_exporter_is_shown(command: Command) -> None:
    """What it is, where it answers, what it needs, its fields with their metrics, its keys, and who uses it."""
    command.site.add("full", version="1.2", exporters={"full_exporter": "full_module"}, full_module=SOURCE)
    command.configure("server: {endpoint: 'http://localhost:1'}\nexporters: [{name: orders, type: full_exporter}]\n")
    ended = command.run("plugins", "show", "full_exporter")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0] == "full_exporter: of everything one."
    for line in (
        "distribution full 1.2",
        "hooks        nodepulse_exporters (version 1)",
        "endpoint     http://localhost:9999/metrics",
        "schemes      http, https, full",
        "ports        9999",
        "interval     30s",
        "needs        the role reader",
        "used by      orders",
        'up     sum(up{job="a"})',
        "cores  count(count by (core) (cpu))",
    ):
        assert line in lines
    keys = {line.split()[0]: line for line in lines if line and line[0] != " "}
    assert keys["name"].split()[1] == "required"
    assert "30s" in keys["interval"]
    assert "most samples in a scrape" in keys["sample_limit"]
    assert "retry.max_attempts" in keys


def test_json_says_the_same(command: Command) -> None:
    """The JSON has each field with its metrics, and each key of a target with what it is for."""
    command.site.add("full", version="1.2", exporters={"full_exporter": "full_module"}, full_module=SOURCE)
    said = json.loads(command.run("plugins", "show", "full_exporter", "--json").stdout)
    assert {name: said[name] for name in ("name", "kind", "distribution", "version", "api_version", "access")} == {
        "name": "full_exporter",
        "kind": "exporter",
        "distribution": "full",
        "version": "1.2",
        "api_version": 1,
        "access": "the role reader",
    }
    assert said["fields"] == [
        {"name": "up", "from": 'sum(up{job="a"})', "metrics": ["up"], "integer": False},
        {"name": "cores", "from": "count(count by (core) (cpu))", "metrics": ["cpu"], "integer": True},
    ]
    assert all(key["about"] for key in said["keys"])


@pytest.mark.parametrize("name", ["node_exporter", "postgres_exporter", "process_exporter", "redis_exporter"])
def test_the_sample_is_a_configuration(command: Command, name: str) -> None:
    """What is there to paste passes `config check` as it stands, for each exporter of the standard set."""
    said = json.loads(command.run("plugins", "show", name, "--json").stdout)
    assert said["fields"]
    command.configure(f"server: {{endpoint: 'http://localhost:1'}}\n{said['sample']}")
    checked = command.run("config", "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert said["sample"] in command.run("plugins", "show", name).stdout


def test_a_plugin_of_behaviour_shows_its_hooks(command: Command) -> None:
    """What is no exporter has hooks, and neither fields nor a sample."""
    source = f"{HOOK}@hookimpl\ndef nodepulse_batch_sent(): pass\n"
    command.site.add("watch", plugins={"watcher": "watch_module"}, watch_module=source)
    ended = command.run("plugins", "show", "watcher")
    assert ended.stdout.splitlines() == [
        "watcher",
        "",
        "distribution watch 1.0",
        "hooks        nodepulse_batch_sent (version 1)",
    ]


def test_an_exporter_that_names_no_field_says_so(command: Command) -> None:
    """Where a function makes the snapshot and nothing names its fields, a scrape shows them."""
    made = "HTTPExporter('bare', default_endpoint='http://localhost:1', snapshot=lambda text: {})"
    source = f"{HOOK}@hookimpl\ndef nodepulse_exporters():\n    yield {made}\n"
    command.site.add("bare", exporters={"bare": "bare_module"}, bare_module=source)
    assert "it does not say; see: nodepulse scrape bare" in command.run("plugins", "show", "bare").stdout


def test_a_broken_plugin_says_why(command: Command) -> None:
    """The reason is an error with the plugin's origin, and the status is 1."""
    command.site.add("exits", exporters={"exits_exporter": "exits_module"}, exits_module="raise SystemExit(0)")
    ended = command.run("plugins", "show", "exits_exporter")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("nodepulse: exits_exporter of exits 1.0 is broken: importing exits_module raised")


def test_an_unknown_name_lists_the_known_ones(command: Command) -> None:
    """The status is 2, and what is installed is named."""
    ended = command.run("plugins", "show", "nope")
    assert ended.returncode == 2
    assert "there is no plugin 'nope'; installed are: " in ended.stderr
    assert "node_exporter" in ended.stderr
