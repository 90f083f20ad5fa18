"""`nodepulse plugins check`: the verdict that a person acts on, and a program reads."""

from __future__ import annotations

import json
import re

from nodepulse_core.testing.checks import EXPORTER_CHECKS
from support.command import Command
from support.plugins import exporter_source
from support.projects import GOOD, write_project


def test_a_source_tree_is_checked_before_it_is_installed(command: Command) -> None:
    """Every check is a line; what cannot be checked says what is lacking; the status is 0."""
    project = write_project(command.home)
    ended = command.run("plugins", "check", project.folder.name)
    assert ended.returncode == 0, ended.stdout
    lines = ended.stdout.splitlines()
    assert lines[0] == "shop_exporter of nodepulse-exporter-shop 1.0"
    assert [line[4:].partition(": which")[0].partition(": it coll")[0] for line in lines[1:-1]] == [
        check.sentence for check in EXPORTER_CHECKS
    ]
    assert lines[-1] == "13 passed, 2 skipped"
    assert ended.stderr == ""


def test_a_failure_says_what_to_do(command: Command) -> None:
    """The problem and the remedy stand under the check; the status is 1."""
    project = write_project(command.home, GOOD.replace('"shop_queue_seconds"', '"shop_queue_time"'))
    ended = command.run("plugins", "check", project.folder.name)
    assert ended.returncode == 1
    assert (
        "  ✗ every field has a value in the recorded texts\n"
        "      no recorded text has a value for queue_seconds\n"
        "      → Look up the metrics' names in the text; or record one more text, in which they are.\n"
    ) in ended.stdout
    assert re.search(r"^\d+ passed, 1 failed, 2 skipped$", ended.stdout, re.MULTILINE)


def test_what_a_plugin_prints_is_no_part_of_the_verdict(command: Command) -> None:
    """With --json standard output is one JSON list, whatever the plugin prints; each check has its verdict."""
    project = write_project(command.home, "print('hello')\n" + GOOD)
    ended = command.run("plugins", "check", "--json", str(project.folder))
    (row,) = json.loads(ended.stdout)
    assert (row["name"], row["distribution"], row["status"]) == ("shop_exporter", "nodepulse-exporter-shop", "passed")
    assert [each["check"] for each in row["checks"]] == [check.name for check in EXPORTER_CHECKS]
    assert {each["status"] for each in row["checks"]} == {"passed", "skipped"}
    assert "hello" in ended.stderr


def test_an_installed_plugin_is_checked_by_name(command: Command) -> None:
    """Without a recorded text its checks are skipped; --recorded names one."""
    command.site.add("shop", exporters={"up_exporter": "up_module"}, up_module=exporter_source("up_exporter"))
    ended = command.run("plugins", "check", "up_exporter")
    assert ended.returncode == 0
    assert "there is none; record one: curl -s ENDPOINT > tests/up_exporter.prom" in ended.stdout
    (command.home / "up.prom").write_text("up 1\n")
    ended = command.run("plugins", "check", "up_exporter", "--recorded", "up.prom")
    assert "✓ every field has a value in the recorded texts" in ended.stdout
    (command.home / "up.prom").write_text("down 1\n")
    assert command.run("plugins", "check", "up_exporter", "--recorded", "up.prom").returncode == 1


def test_a_broken_one_is_found_among_all(command: Command) -> None:
    """Without a name all installed plugins are checked, those that do not load too; a disabled one is left alone."""
    command.site.add("shop", exporters={"shop_exporter": "shop_module"}, shop_module=exporter_source("shop_exporter"))
    command.site.add("bad", exporters={"bad_exporter": "bad_module"}, bad_module="raise RuntimeError('no')")
    command.site.add("gone", exporters={"gone_exporter": "gone_module"}, gone_module="raise RuntimeError('never')")
    ended = command.run("plugins", "check", environ={"NODEPULSE_DISABLED_PLUGINS": "gone_exporter"})
    assert ended.returncode == 1
    assert "importing bad_module raised RuntimeError: no" in ended.stdout
    assert "shop_exporter of shop 1.0" in ended.stdout
    assert "gone" not in ended.stdout


def test_other_plugins_are_checked_too(command: Command) -> None:
    """Of a plugin that brings no exporter, loading and what it registers are looked at."""
    source = "from nodepulse_core import hookimpl\n@hookimpl\ndef nodepulse_senders(destination):\n    return [3]\n"
    command.site.add("send", plugins={"sender": "send_module"}, send_module=source)
    ended = command.run("plugins", "check", "sender")
    assert ended.returncode == 1
    assert "'int' object has no attribute 'name'" in ended.stdout


def test_what_is_no_plugin_says_which_there_are(command: Command) -> None:
    """A name that nothing has, and a folder without a plugin, are wrong usage."""
    ended = command.run("plugins", "check", "shop")
    assert ended.returncode == 2
    assert "'shop' is neither a folder nor an installed plugin; installed are: " in ended.stderr
    (command.home / "shop").mkdir()
    ended = command.run("plugins", "check", "shop")
    assert (ended.returncode, ended.stderr.splitlines()[0][:51]) == (
        2,
        "nodepulse: shop/pyproject.toml is not there; give t",
    )
