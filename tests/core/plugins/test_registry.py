"""Exporters by type: what a plugin brings is checked once, and what is none says why."""

from __future__ import annotations

import sys

import pytest
from nodepulse_core.errors import PluginError
from nodepulse_core.exporter import access_of, field_names_of, fields_of
from support.plugins import HOOK, Site, exporter_source

EXPORTER = (
    HOOK
    + """
class Own:
    name = "own_exporter"
    default_endpoint = "http://localhost:1/metrics"
    default_interval = 30
    async def scrape(self, target, http): return b"up 1\\n"
    def snapshot(self, text): return {"text": text}
    def detect(self, text): return "up" in text
@hookimpl
def nodepulse_exporters():
    own = Own()
"""
)


def fault(site: Site, body: str) -> str:
    """Return why the exporter of a plugin is refused, the same twice; a good one beside it is loaded."""
    site.add("own", version="1.2", exporters={"own_exporter": "own_module"}, own_module=f"{EXPORTER}    {body}\n")
    site.add("good", exporters={"good_exporter": "good_module"}, good_module=exporter_source("good_exporter"))
    registry = site.registry()
    said = set()
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            registry.load("own_exporter")
        said.add(str(caught.value))
    assert registry.load("good_exporter").name == "good_exporter"
    (reason,) = said
    assert reason.startswith("own_exporter of own 1.2 is broken: ")
    return reason


def test_an_exporter_is_what_its_plugin_brings(site: Site) -> None:
    """Name, endpoint, interval and methods are the plugin's; it is loaded once."""
    site.add("own", exporters={"own_exporter": "own_module"}, own_module=f"{EXPORTER}    yield own\n")
    registry = site.registry()
    exporter = registry.load("own_exporter")
    assert (exporter.name, exporter.default_endpoint) == ("own_exporter", "http://localhost:1/metrics")
    assert (exporter.default_interval, exporter.snapshot("x"), exporter.detect("up")) == (30.0, {"text": "x"}, True)
    assert registry.load("own_exporter") is exporter
    assert registry.find("own_exporter") is exporter
    assert registry.loaded() == (exporter,)


def test_what_an_exporter_says_of_its_fields_and_access_is_kept(site: Site) -> None:
    """Names of fields, what they are from, and the access it needs are the plugin's; without them there are none."""
    body = "own.fields = {'up': 'a metric'}; own.access = 'a role\\x1b[31m'; yield own"
    site.add("own", exporters={"own_exporter": "own_module"}, own_module=f"{EXPORTER}    {body}\n")
    site.add("good", exporters={"good_exporter": "good_module"}, good_module=exporter_source("good_exporter"))
    own = site.registry().load("own_exporter")
    assert (fields_of(own), field_names_of(own), access_of(own)) == ({"up": "a metric"}, ("up",), "a role [31m")
    good = site.registry().load("good_exporter")
    assert (field_names_of(good), access_of(good)) == (("up",), "")


def test_nothing_is_imported_before_it_is_asked_for(site: Site) -> None:
    """Names come from metadata; loading one exporter imports that one."""
    for name in ("a", "b"):
        source = exporter_source(f"{name}_exporter")
        site.add(name, exporters={f"{name}_exporter": f"lazy_{name}"}, **{f"lazy_{name}": source})
    registry = site.registry()
    assert registry.names() == ["a_exporter", "b_exporter", "nodepulse_agent"]
    assert not {"lazy_a", "lazy_b"} & set(sys.modules)
    registry.load("b_exporter")
    assert "lazy_a" not in sys.modules


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return []", "its entry point is named 'own_exporter', but it brings none"),
        ("own.name = 'other_exporter'; yield own", "is named 'own_exporter', but it brings other_exporter"),
        ("yield own; yield own", "is named 'own_exporter', but it brings own_exporter, own_exporter"),
        ("yield 5", "its exporter raised AttributeError"),
        ("own.name = None; yield own", "its exporter has a name that is no string"),
        ("del Own.name; yield own", "its exporter raised AttributeError"),
        ("Own.name = property(lambda self: exit(5)); yield own", "its exporter raised SystemExit: 5"),
        ("Own.detect = property(lambda self: 1 / 0); yield own", "its exporter raised ZeroDivisionError"),
        ("del Own.snapshot, Own.detect; yield own", "its exporter own_exporter lacks snapshot, detect"),
        ("own.scrape = 5; yield own", "its exporter own_exporter lacks scrape"),
        ("own.scrape = lambda: b''; yield own", "own_exporter cannot be called as scrape(target, http)"),
        ("own.snapshot = lambda text, more: {}; yield own", "own_exporter cannot be called as snapshot(text)"),
        ("own.default_endpoint = None; yield own", "own_exporter has a default_endpoint that is no string"),
        ("own.default_interval = '15s'; yield own", "has a default_interval that is no number of seconds, at least 1"),
        ("own.default_interval = True; yield own", "has a default_interval that is no number of seconds"),
        ("own.default_interval = 0.5; yield own", "has a default_interval that is no number of seconds"),
        ("own.default_interval = float('nan'); yield own", "has a default_interval that is no number of seconds"),
        ("own.default_interval = float('inf'); yield own", "has a default_interval that is no number of seconds"),
        ("own.schemes = ['redis', 5]; yield own", "own_exporter has schemes that are no strings"),
        ("own.schemes = 5; yield own", "its exporter raised TypeError"),
        ("own.field_names = ['up', 5]; yield own", "own_exporter has field_names that are no strings"),
        ("own.fields = ['app_up']; yield own", "its exporter raised ValueError"),
        ("yield own; raise ValueError('late')", "nodepulse_exporters raised ValueError: late"),
        ("return own", "nodepulse_exporters returned Own, where a list is due, or objects are to be yielded"),
    ],
)
def test_what_is_no_exporter_is_refused_with_its_reason(site: Site, body: str, reason: str) -> None:
    """An object that lacks something, is of a wrong kind, or raises where it is looked at breaks its own plugin."""
    assert reason in fault(site, body)


def test_an_exporter_that_compares_and_hashes_as_it_likes_is_used(site: Site) -> None:
    """Nothing compares or hashes a plugin's objects."""
    body = "Own.__eq__ = Own.__hash__ = Own.__bool__ = Own.__repr__ = lambda *_: exit(1)\n    return [own]"
    site.add("own", exporters={"own_exporter": "own_module"}, own_module=f"{EXPORTER}    {body}\n")
    assert site.registry().load("own_exporter").detect("up")


def test_attributes_are_read_once(site: Site) -> None:
    """An attribute that raises later, or says something else, changes nothing any more."""
    body = "asked = []\n    Own.default_endpoint = property(lambda self: asked.append(1) or 'x' * (1 // len(asked)))"
    site.add("own", exporters={"own_exporter": "own_module"}, own_module=f"{EXPORTER}    {body}\n    yield own\n")
    exporter = site.registry().load("own_exporter")
    assert [exporter.default_endpoint, exporter.default_endpoint] == ["x", "x"]


def test_a_module_may_bring_an_exporter_for_each_of_its_entry_points(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Two entry points that name one module are two types; each is the exporter of its name."""
    entries = {"a_exporter": "pair", "b_exporter": "pair"}
    site.add("pair", exporters=entries, pair=exporter_source("a_exporter", "b_exporter"))
    registry = site.registry()
    for name in entries:
        assert registry.load(name).default_endpoint.endswith(name)
    assert caplog.messages == []


def test_an_exporter_that_no_entry_point_names_is_said(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """What a plugin brings besides cannot be asked for by anyone, so it is said, and the rest is used."""
    site.add("pair", exporters={"a_exporter": "pair"}, pair=exporter_source("a_exporter", "b_exporter"))
    assert site.registry().load("a_exporter").name == "a_exporter"
    assert caplog.messages == [
        "a_exporter of pair 1.0 also brings b_exporter, which no entry point names; it cannot be used"
    ]


def test_an_unknown_type_lists_those_there_are(site: Site) -> None:
    """A type that is not installed is an error that lists what is."""
    registry = site.registry()
    with pytest.raises(PluginError, match="there is no exporter 'x_exporter'; installed are: nodepulse_agent"):
        registry.load("x_exporter")
    site.add("a", exporters={"a_exporter": "a"})
    with pytest.raises(PluginError, match="installed are: a_exporter"):
        site.registry().load("x_exporter")


def test_a_type_that_cannot_be_found_is_said_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """`find` gives None for what is broken or not there, and says so at the first time."""
    site.add("bad", exporters={"bad_exporter": "bad_module"}, bad_module="raise SystemExit")
    registry = site.registry()
    for _ in range(3):
        assert registry.find("bad_exporter") is None
        assert registry.find("x_exporter") is None
    assert len(caplog.messages) == 2
    assert "what was scraped of that type is sent as raw text" in caplog.text


async def test_an_exporter_without_close_can_be_closed(site: Site) -> None:
    """`close` is optional for who writes an exporter, and always there for who ends it."""
    site.add("own", exporters={"own_exporter": "own_module"}, own_module=f"{EXPORTER}    yield own\n")
    await site.registry().load("own_exporter").close()  # type: ignore[attr-defined]  # it is optional in the contract
