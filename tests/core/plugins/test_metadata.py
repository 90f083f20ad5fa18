"""What is installed, from metadata alone, whatever state that is in."""

from __future__ import annotations

import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
from nodepulse_core.plugins import EXPORTERS, PLUGINS, Installed, read_installed
from support.plugins import Site, exporter_source


def only(site: Site) -> Installed:
    """Return the one plugin of a site."""
    (plugin,) = site.read()
    return plugin


def test_entry_points_of_both_groups_are_plugins(site: Site) -> None:
    """Each entry point is a plugin with its distribution and version, by group and name; no module is imported."""
    site.add(
        "zeta", version="2.1", exporters={"z_exporter": "zeta_z", "a_exporter": "zeta_a"}, zeta_z="raise SystemExit"
    )
    site.add("beta", plugins={"sender": "beta.sender"})
    assert site.read() == (
        Installed("a_exporter", EXPORTERS, "zeta_a", "zeta", "2.1"),
        Installed("z_exporter", EXPORTERS, "zeta_z", "zeta", "2.1"),
        Installed("sender", PLUGINS, "beta.sender", "beta", "1.0"),
    )
    assert not {"zeta_z", "zeta_a", "beta"} & set(sys.modules)


def test_distributions_without_our_groups_are_no_plugins(site: Site) -> None:
    """A distribution with other entry points, or garbled ones that are not ours, is passed over."""
    site.add("other", entry_points="[console_scripts]\nother = other:main\n")
    site.add("garbled", entry_points="no section, no equals sign\n")
    site.add("latin", entry_points="[group]\ncafé = x\n".encode("latin-1"))
    assert site.read() == ()


@pytest.mark.parametrize(
    ("entry_points", "reason"),
    [
        (
            "[nodepulse.exporters]\na_exporter = a\nthis is no entry\n",
            "its entry_points.txt cannot be read: line 3 is 'this is no entry', where name = module is due; reinstall",
        ),
        ("[nodepulse.exporters]\ncafé = x\n".encode("latin-1"), "its entry_points.txt is not UTF-8; reinstall it"),
    ],
)
def test_garbled_entry_points_are_one_row_with_the_reason(site: Site, entry_points: str | bytes, reason: str) -> None:
    """A distribution whose entry points cannot be read is a row of its own, and hides no other."""
    site.add("garbled", entry_points=entry_points)
    site.add("good", exporters={"b_exporter": "b"})
    good, garbled = site.read()
    assert (good.name, good.error) == ("b_exporter", None)
    assert (garbled.name, garbled.origin) == ("garbled", "garbled 1.0")
    assert reason in str(garbled.error)
    assert not garbled.is_exporter


@pytest.mark.parametrize(
    ("metadata", "origin"),
    [
        (None, "broken_plugin 3.0"),
        ("Metadata-Version: 2.1\nName: broken-plugin\n", "broken-plugin 3.0"),
        ("Metadata-Version: 2.1\nVersion: 4\n", "broken_plugin 4"),
        ("\x00\x01 nothing of this is metadata", "broken_plugin 3.0"),
        ("Name: evil\n name\x1b[31m\nVersion: 1\n", "evil name [31m 1"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # importlib.metadata says so where METADATA is missing
def test_name_and_version_come_from_the_folder_where_metadata_lacks_them(
    site: Site, metadata: str | None, origin: str
) -> None:
    """A missing, garbled or incomplete METADATA does not hide a plugin, and what it says is one printable line."""
    site.add("broken-plugin", version="3.0", metadata=metadata, exporters={"a_exporter": "a"})
    assert (only(site).origin, only(site).error) == (origin, None)


def test_metadata_that_is_not_utf8_does_not_hide_a_plugin(site: Site) -> None:
    """A METADATA in another encoding is passed over; the folder says name and version."""
    info = site.add("latin", version="2.0", exporters={"a_exporter": "a"})
    (info / "METADATA").write_bytes(b"Name: latin\nVersion: 2.0\nAuthor: Andr\xe9\n")
    assert only(site).origin == "latin 2.0"


@pytest.mark.parametrize("name", ["Redis_exporter", "redis-exporter", "1_exporter", "x" * 65, "ünder", "a.b", "a b"])
def test_a_name_that_no_configuration_can_write_is_an_error(site: Site, name: str) -> None:
    """A name in another form than a target's type is a row with its reason, never rewritten."""
    site.add("odd", entry_points=f"[nodepulse.exporters]\n{name} = odd\n")
    assert "is no name; names match" in str(only(site).error)
    assert not only(site).is_exporter


@pytest.mark.parametrize("name", ["prometheus", "discovery"])
def test_nothing_takes_the_place_of_what_is_built_in(site: Site, name: str) -> None:
    """An exporter named as a built-in word is a row with its reason, and no type; a behaviour plugin may have it."""
    site.add("usurper", exporters={name: "usurper"}, plugins={name: "usurper"})
    exporter, plugin = site.read()
    assert exporter.error == f"'{name}' is built in, and nothing takes its place"
    assert not exporter.is_exporter
    assert plugin.error is None


def test_extras_are_left_away_and_an_attribute_is_refused(site: Site) -> None:
    """`module [extra]` means the module; `module:attribute` is no module, and the reason shows the right form."""
    site.add("one", exporters={"a_exporter": "one.plugin [extra]", "b_exporter": "one:plugin", "c_exporter": "1/../x"})
    a, b, c = site.read()
    assert (a.module, a.error) == ("one.plugin", None)
    assert "names 'one:plugin', where a module is due, as in b_exporter = \"package.module\"" in str(b.error)
    assert "where a module is due" in str(c.error)
    assert b.is_exporter


def test_a_clash_names_both_distributions_and_versions(site: Site) -> None:
    """Two distributions with one name are both errors, and neither is used; groups are strangers to each other."""
    site.add("first", version="1.1", exporters={"a_exporter": "first"})
    site.add("second", version="2.2", exporters={"a_exporter": "second"}, plugins={"a_exporter": "second"})
    first, second, plugin = site.read()
    clash = "first 1.1 and second 2.2 both bring 'a_exporter'; neither is used until one of them is uninstalled"
    assert first.error == second.error == clash
    assert plugin.error is None


def test_one_name_twice_in_one_distribution_is_an_error(site: Site) -> None:
    """A distribution that declares a name twice, with different modules, is not guessed at."""
    site.add("twice", entry_points="[nodepulse.exporters]\na_exporter = x\na_exporter = y\n")
    assert {plugin.error for plugin in site.read()} == {
        "twice 1.0 brings 'a_exporter' twice, and neither is used; it has to be mended"
    }


def test_of_a_distribution_that_is_on_the_path_twice_the_first_counts(tmp_path: Path) -> None:
    """The metadata is read of the distribution whose modules are imported, however its name is spelt."""
    first, second = Site(tmp_path / "first"), Site(tmp_path / "second")
    first.add("My-Plugin", version="2.0", exporters={"new_exporter": "new"})
    second.add("my.plugin", version="1.0", exporters={"old_exporter": "old"})
    second.add("other", exporters={"other_exporter": "other"})
    found = read_installed(distributions(path=[str(first.path), str(second.path)]))
    assert [plugin.name for plugin in found] == ["new_exporter", "other_exporter"]


def test_a_plugin_in_a_zip_is_found_and_loaded(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution inside a zip on the path works like any other."""
    archive = tmp_path / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("zipped.py", exporter_source("zipped_exporter"))
        packed.writestr("zipped-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 1.0\n")
        packed.writestr("zipped-1.0.dist-info/entry_points.txt", "[nodepulse.exporters]\nzipped_exporter = zipped\n")
    monkeypatch.syspath_prepend(str(archive))
    site.path = archive
    assert only(site).origin == "zipped 1.0"
    assert site.registry().load("zipped_exporter").name == "zipped_exporter"


def test_an_editable_installation_is_found() -> None:
    """The distributions of this repository, which its tests have installed editable, are found by the real path."""
    names = {plugin.name for plugin in read_installed() if plugin.error is None}
    assert {"node_exporter", "postgres_exporter", "redis_exporter"} <= names
