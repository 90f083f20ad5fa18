"""`nodepulse plugins list`: what is installed from metadata alone, and with --load what of it works."""

from __future__ import annotations

import json

from support.command import Command
from support.plugins import HOOK, exporter_source

MARK = "import pathlib\npathlib.Path({path!r}).touch()\n"


def rows(command: Command, *arguments: str) -> dict[str, dict[str, object]]:
    """Return the rows of the fake plugins by name; those of this repository are there too."""
    listed = json.loads(command.run("plugins", "list", "--json", *arguments).stdout)
    return {row["name"]: row for row in listed if not str(row["distribution"]).startswith("nodepulse-")}


def install(command: Command) -> None:
    """Install a good plugin, and broken ones of several kinds."""
    site = command.site
    site.add("good", exporters={"good_exporter": "good_module"}, good_module=exporter_source("good_exporter"))
    site.add("exits", version="2.0", exporters={"exits_exporter": "exits_module"}, exits_module="raise SystemExit(0)")
    misspelt = HOOK + "@hookimpl\ndef nodepulse_exporter(): pass\n"
    site.add("misspelt", plugins={"misspelt": "misspelt_module"}, misspelt_module=misspelt)
    site.add("garbled", entry_points="[nodepulse.exporters]\nnonsense\n")
    site.add("first", exporters={"twin_exporter": "twin"})
    site.add("second", exporters={"twin_exporter": "twin"})


def test_the_list_imports_no_plugin(command: Command) -> None:
    """Listing reads metadata: no plugin's module leaves its mark; with --load each does, and 1 is the exit status."""
    marks = []
    for group in ("exporters", "plugins"):
        mark = command.home / f"{group}.imported"
        marks.append(mark)
        source = MARK.format(path=str(mark)) + "raise SystemExit"
        command.site.add(f"m{group}", **{group: {f"{group}_entry": f"m_{group}"}}, **{f"m_{group}": source})  # type: ignore[arg-type]  # group and module
    ended = command.run("plugins", "list")
    assert ended.returncode == 0
    assert "exporters_entry" in ended.stdout
    assert not any(mark.exists() for mark in marks)
    assert command.run("plugins", "list", "--load").returncode == 1
    assert all(mark.exists() for mark in marks)


def test_what_metadata_tells_is_shown_with_its_reason(command: Command) -> None:
    """A garbled distribution and a clash are broken rows with their reason; what is only broken inside is not known."""
    install(command)
    assert command.run("plugins", "list").returncode == 0
    found = rows(command)
    assert {name: row["status"] for name, row in found.items()} == {
        "good_exporter": "ok",
        "exits_exporter": "ok",
        "misspelt": "ok",
        "garbled": "broken",
        "twin_exporter": "broken",
    }
    assert "line 2 is 'nonsense'" in str(found["garbled"]["error"])
    assert "first 1.0 and second 1.0 both bring" in str(found["twin_exporter"]["error"])


def test_load_shows_what_fails_and_why_and_all_others_run(command: Command) -> None:
    """Each plugin is a row with name, distribution, version, status and error, whatever the others do."""
    install(command)
    found = rows(command, "--load")
    assert found["good_exporter"] == {
        "name": "good_exporter",
        "kind": "exporter",
        "distribution": "good",
        "version": "1.0",
        "status": "ok",
        "error": None,
        "disabled": False,
        "used_by": [],
        "api_version": 1,
    }
    assert found["exits_exporter"]["version"] == "2.0"
    assert found["exits_exporter"]["error"] == "importing exits_module raised SystemExit: 0"
    assert found["misspelt"]["error"] == (
        "it implements nodepulse_exporter, which is no hook; did you mean nodepulse_exporters?"
    )
    assert [name for name, row in found.items() if row["status"] == "ok"] == ["good_exporter"]
    ended = command.run("plugins", "list", "--load")
    assert ended.returncode == 1
    assert "exits_exporter (exits 2.0): importing exits_module raised SystemExit: 0" in ended.stderr


def test_load_is_quiet_about_what_works(command: Command) -> None:
    """Where every plugin loads, the exit status is 0 and standard error is empty."""
    command.site.add("good", exporters={"good_exporter": "good_module"}, good_module=exporter_source("good_exporter"))
    ended = command.run("plugins", "list", "--load")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "broken" not in ended.stdout


def test_an_exporter_and_a_plugin_of_one_name_are_both_loaded(command: Command) -> None:
    """A name is looked up in its own group."""
    command.site.add(
        "pair",
        exporters={"twin": "twin_exporter"},
        plugins={"twin": "twin_plugin"},
        twin_exporter=exporter_source("twin"),
        twin_plugin="raise ValueError('of the plugin')",
    )
    listed = json.loads(command.run("plugins", "list", "--load", "--json").stdout)
    assert [(row["kind"], row["status"]) for row in listed if row["name"] == "twin"] == [
        ("exporter", "ok"),
        ("plugin", "broken"),
    ]


def test_what_is_printed_at_import_does_not_spoil_the_json(command: Command) -> None:
    """Standard output is one JSON document, whatever a plugin prints."""
    source = "print('hello')\n" + exporter_source("loud_exporter").replace(
        "    return", "    print('again')\n    return"
    )
    command.site.add("loud", exporters={"loud_exporter": "loud_module"}, loud_module=source)
    ended = command.run("plugins", "list", "--load", "--json")
    assert "loud_exporter" in {row["name"] for row in json.loads(ended.stdout)}
    assert ended.stderr == "hello\nagain\n"


def test_disabled_plugins_are_listed_and_not_imported(command: Command) -> None:
    """What the environment or the configuration disables is shown as such, also with --load, and is not imported."""
    for name in ("a", "b"):
        source = "raise SystemExit('imported')"
        command.site.add(name, exporters={f"{name}_exporter": f"{name}_module"}, **{f"{name}_module": source})
    command.configure(
        "server: {endpoint: 'http://localhost:1'}\nexporters: [{name: x, endpoint: 'http://localhost:1'}]\n"
        "plugins:\n  disabled: [b_exporter]\n"
    )
    environ = {"NODEPULSE_DISABLED_PLUGINS": "a_exporter"}
    ended = command.run("plugins", "list", "--load", environ=environ)
    assert ended.returncode == 0
    assert [line.split()[-1] for line in ended.stdout.splitlines() if line.startswith(("a_", "b_"))] == ["disabled"] * 2
    listed = json.loads(command.run("plugins", "list", "--json", environ=environ).stdout)
    assert {row["name"] for row in listed if row["disabled"]} == {"a_exporter", "b_exporter"}
    assert {row["status"] for row in listed} == {"ok"}


def test_a_configuration_that_cannot_be_used_hides_no_list(command: Command) -> None:
    """The list is shown, with a warning that what the configuration disables is not known."""
    path = command.configure("plugins: {disabled: [x]\n")
    ended = command.run("plugins", "list")
    assert ended.returncode == 0
    assert "node_exporter" in ended.stdout
    disabled, used = ended.stderr.splitlines()
    assert disabled == f"warning: {path.name} cannot be read, so plugins that it disables are not disabled"
    assert used.startswith(f"warning: not all targets that use plugins are known: {path.name}:")


def test_who_uses_an_exporter_is_shown(command: Command) -> None:
    """The enabled targets of an exporter stand in its row, by type and by name, also of a file with a wrong value."""
    for name in ("a_exporter", "b_exporter"):
        command.site.add(name, exporters={name: f"{name}_module"}, **{f"{name}_module": "raise SystemExit"})
    command.configure(
        "server: {endpoint: 'http://localhost:1', timeout: never}\nexporters:\n"
        "  - {name: a_exporter}\n  - {name: b_exporter, enabled: false}\n  - {name: custom, endpoint: 'http://localhost:1'}\n"
        + "".join(f"  - {{name: more_{index}, type: a_exporter}}\n" for index in range(3))
    )
    found = rows(command)
    assert found["a_exporter"]["used_by"] == ["a_exporter", "more_0", "more_1", "more_2"]
    assert found["b_exporter"]["used_by"] == []
    ended = command.run("plugins", "list")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "a_exporter, more_0, more_1 and 1 more" in ended.stdout


def test_load_shows_the_version_of_the_hooks(command: Command) -> None:
    """What is loaded has its version; what asks for another one is broken, with both versions and what to upgrade."""
    source = "nodepulse_api_version = {}\n" + exporter_source("{}_exporter")
    for name, version in (("good", 1), ("new", 9)):
        command.site.add(
            name,
            exporters={f"{name}_exporter": name},
            **{name: source.replace("{}", str(version), 1).replace("{}", name)},
        )
    found = rows(command, "--load")
    assert {name: row["api_version"] for name, row in found.items()} == {"good_exporter": 1, "new_exporter": None}
    assert "version 9 of the hooks" in str(found["new_exporter"]["error"])
    assert "upgrade nodepulse-core" in str(found["new_exporter"]["error"])
    assert command.run("plugins", "list", "--load").stdout.splitlines()[0].split()[-1] == "API"
