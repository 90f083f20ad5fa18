"""The host: a plugin may fail in every way there is, and every other goes on."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pluggy
import pytest
from nodepulse_core.errors import PluginError
from nodepulse_core.model import Batch, Destination, Target
from nodepulse_core.plugins import PLUGINS, PluginHost
from nodepulse_core.plugins.hooks import Hooks
from support.plugins import ENDS, HOOK, Site, exporter_source

TARGET = Target("one", "one", "http://localhost:1", interval=1.0, timeout=1.0)
BATCH = Batch("server", ())
DESTINATION = Destination("http://localhost:1")
SAID = logging.getLogger("nodepulse_core")

CALLS: dict[str, Callable[[PluginHost], Any]] = {
    "nodepulse_exporters": lambda host: [host.exporters(each) for each in host.installed if not host.error(each)],
    "nodepulse_senders": lambda host: host.senders(DESTINATION),
    "nodepulse_commands": lambda host: host.registered("nodepulse_commands", str, ()),
    "nodepulse_transform": lambda host: host.transform({"a": 1}, TARGET),
    "nodepulse_scrape_failed": lambda host: host.scrape_failed(TARGET, "why"),
    "nodepulse_batch_sent": lambda host: host.batch_sent(BATCH),
    "nodepulse_batch_rejected": lambda host: host.batch_rejected(BATCH, "why"),
}
"""How the host calls each hook."""


def test_a_loaded_plugin_says_which_hooks_it_has(site: Site) -> None:
    """Its module and its hooks are known once it is loaded, and not before."""
    source = f"{HOOK}@hookimpl\ndef nodepulse_batch_sent(): pass\n@hookimpl\ndef nodepulse_transform(snapshot): pass\n"
    site.add("pair", plugins={"pair": "pair_module"}, pair_module=source)
    host = site.host()
    (plugin,) = host.installed
    assert (host.module(plugin), host.hooks(plugin)) == (None, [])
    host.load(plugin)
    assert getattr(host.module(plugin), "__name__", None) == "pair_module"
    assert host.hooks(plugin) == ["nodepulse_transform", "nodepulse_batch_sent"]


def test_a_plugin_with_a_deprecated_hook_is_named_once_and_used(
    site: Site, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is loaded, the log says which plugin has what of old; it is called all the same."""
    old = pluggy.HookspecMarker("nodepulse")(warn_on_impl=DeprecationWarning("nodepulse_batch_sent goes; use another"))
    specifications = ModuleType("specifications")
    vars(specifications).update(nodepulse_batch_sent=old(lambda batch: None))
    monkeypatch.setattr("nodepulse_core.plugins.host.Hooks", partial(Hooks, specifications))
    source = f"{HOOK}sent = []\n@hookimpl\ndef nodepulse_batch_sent(batch): sent.append(batch)\n"
    site.add("late", plugins={"late": "late_module"}, late_module=source)
    host = site.host()
    host.load_behaviour()
    host.load_behaviour()
    host.batch_sent(BATCH)
    assert said.messages == ["late of late 1.0: nodepulse_batch_sent goes; use another; it works for now"]
    assert host.deprecated(host.installed[0]) == ("nodepulse_batch_sent goes; use another",)
    assert sys.modules["late_module"].sent == [BATCH]


@pytest.mark.parametrize("hook", CALLS)
@pytest.mark.parametrize("error", ENDS)
def test_a_hook_that_raises_does_not_stop_the_others(
    site: Site, hook: str, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever one implementation raises, those of the plugins before and after it are called, and it is named."""
    good = HOOK + f"called = []\n@hookimpl\ndef {hook}():\n    called.append(1)\n"
    for name in ("a_good", "z_good"):
        site.add(name, plugins={name: f"module_{name}"}, **{f"module_{name}": good})
    source = f"{HOOK}@hookimpl\ndef {hook}():\n    raise {error}"
    site.add("m_bad", version="3.4", plugins={"m_bad": "module_bad"}, module_bad=source)
    host = site.host()
    host.load_behaviour()
    said = ""
    try:
        CALLS[hook](host)
    except PluginError as raised:  # a transform that fails ends its entry, and an exporter's its target, by design
        assert hook in {"nodepulse_transform", "nodepulse_exporters"}
        said = str(raised)
        if hook == "nodepulse_exporters":
            CALLS[hook](host)
    said += caplog.text
    assert "m_bad of m_bad 3.4" in said
    assert f"{hook} raised" in said
    assert sys.modules["module_a_good"].called
    assert bool(sys.modules["module_z_good"].called) == (hook != "nodepulse_transform")


def test_every_hook_is_called_by_the_host() -> None:
    """The table above holds every hook there is."""
    from nodepulse_core import hookspecs  # noqa: PLC0415 - only its names are looked at

    assert set(CALLS) == {name for name in vars(hookspecs) if name.startswith("nodepulse_")}


def test_transforms_are_called_in_the_order_of_names_each_with_what_the_one_before_made(site: Site) -> None:
    """What a transform returns is what the next is given; None leaves it."""
    for name, body in {"b": "return {**snapshot, 'b': list(snapshot)}", "a": "return {'a': 1}", "c": "pass"}.items():
        source = f"{HOOK}@hookimpl\ndef nodepulse_transform(snapshot):\n    {body}"
        site.add(name, plugins={name: f"transform_{name}"}, **{f"transform_{name}": source})
    host = site.host()
    host.load_behaviour()
    assert host.transform({"x": 1}, TARGET) == {"a": 1, "b": ["a"]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return 5", "nodepulse_transform returned int, where a dict or None is due"),
        ("return [snapshot]", "nodepulse_transform returned list, where a dict or None is due"),
        ("async def inner(): pass\n    return inner()", "nodepulse_transform returned a coroutine"),
        ("yield snapshot", "nodepulse_transform returned generator, where a dict or None is due"),
    ],
)
def test_a_transform_that_returns_no_dict_is_an_error(site: Site, body: str, reason: str) -> None:
    """What cannot be sent is no transform's result, and its plugin is named."""
    site.add(
        "odd",
        plugins={"odd": "odd_module"},
        odd_module=f"{HOOK}@hookimpl\ndef nodepulse_transform(snapshot):\n    {body}",
    )
    host = site.host()
    host.load_behaviour()
    with pytest.raises(PluginError) as caught:
        host.transform({}, TARGET)
    assert f"odd of odd 1.0: {reason}" in str(caught.value)


def test_an_observer_that_keeps_failing_is_counted_and_said_ever_more_rarely(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a hundred failures seven are said, at the 1st, 2nd, 4th, …; all are counted."""
    source = f"{HOOK}@hookimpl\ndef nodepulse_batch_sent(): raise ValueError('boom')"
    site.add("odd", plugins={"odd": "odd_module"}, odd_module=source)
    host = site.host()
    host.load_behaviour()
    for _ in range(100):
        host.batch_sent(BATCH)
    assert len(caplog.messages) == 7
    assert caplog.messages[-1] == (
        "odd of odd 1.0: nodepulse_batch_sent raised ValueError: boom (64 times so far); nothing else changes"
    )
    assert host.failures() == {(host.installed[0], "nodepulse_batch_sent"): 100}


SENDER = (
    HOOK
    + """
class Sender:
    name, ordered = "carrier", False
    async def send(self, batch): pass
    async def close(self): pass
@hookimpl
def nodepulse_senders(destination):
    sender = Sender()
"""
)


def test_a_sender_is_found_by_its_name(site: Site) -> None:
    """A plugin's sender is made with the destination, and found by name."""
    site.add(
        "one", plugins={"one": "sender_one"}, sender_one=f"{SENDER}    sender.to = destination\n    return [sender]"
    )
    host = site.host()
    host.load_behaviour()
    senders = host.senders(DESTINATION)
    assert list(senders) == ["carrier"]
    assert senders["carrier"].to is DESTINATION  # type: ignore[attr-defined]  # the test's own


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sender.name = 5", "its sender's name is no string"),
        ("del Sender.name", "raised AttributeError"),
        ("Sender.name = property(lambda self: 1 / 0)", "raised ZeroDivisionError"),
        ("del Sender.send, Sender.close", "its sender carrier lacks send, close"),
        ("sender.ordered = 'yes'", "its sender carrier does not say whether it is ordered"),
    ],
)
def test_what_is_no_sender_breaks_its_plugin(
    site: Site, body: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An object that lacks what a sender has, or raises where it is looked at, is a reason of its plugin."""
    site.add("one", plugins={"one": "sender_one"}, sender_one=f"{SENDER}    {body}\n    return [sender]")
    host = site.host()
    host.load_behaviour()
    assert host.senders(DESTINATION) == {}
    assert reason in str(host.error(host.installed[0]))
    assert "one of one 1.0 is broken" in caplog.text


def test_senders_of_one_name_are_not_used_and_the_built_in_one_is_never_replaced(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A clash names both plugins, and leaves both out; `dashboard` is built in."""
    for name in ("one", "two"):
        usurper = "dashboard = Sender()\n    dashboard.name = 'dashboard'\n    return [sender, dashboard]"
        source = f"{SENDER}    " + (usurper if name == "one" else "return [sender]")
        site.add(name, plugins={name: f"sender_{name}"}, **{f"sender_{name}": source})
    host = site.host()
    host.load_behaviour()
    assert host.senders(DESTINATION) == {}
    assert caplog.messages == [
        "one of one 1.0 and two of two 1.0 both bring 'carrier'; neither is used until one of them is gone or disabled",
        "one of one 1.0: 'dashboard' is built in, and nothing takes its place",
    ]


def test_what_is_disabled_is_not_imported(site: Site) -> None:
    """A disabled plugin is not loaded with the rest, is no exporter's name, and says why it is not loaded."""
    site.add("off", plugins={"off": "off_module"}, exporters={"off": "off_module"}, off_module="raise SystemExit")
    host = site.host("off")
    host.load_behaviour()
    assert host.exporter_names() == []
    assert "off_module" not in sys.modules
    with pytest.raises(PluginError, match=r"off of off 1.0 is disabled \(plugins.disabled\)"):
        host.load(host.installed[0])


def test_names_are_of_exporters_that_a_target_can_have(site: Site) -> None:
    """Exporters are named whether they work or not, without an import; what has no usable name is not."""
    site.add("one", exporters={"b_exporter": "nowhere", "Bad": "x", "prometheus": "x", "a_exporter": "x:attribute"})
    site.add("garbled", entry_points="[nodepulse.exporters]\nnonsense\n")
    assert site.host().exporter_names() == ["a_exporter", "b_exporter"]


def test_a_usable_plugin_is_found_before_a_broken_one(site: Site) -> None:
    """Names are looked up in their group."""
    site.add("one", exporters={"one": "x"}, plugins={"one": "y"})
    host = site.host()
    assert [host.find("one").module, host.find("one", PLUGINS).module] == ["x", "y"]  # type: ignore[union-attr]  # they are there
    assert host.find("two") is None


def test_a_plugin_that_turns_out_broken_is_called_no_more(site: Site) -> None:
    """After a registering hook failed, none of the plugin's hooks is called; a module that another entry uses stays."""
    source = HOOK + (
        "sent = []\n@hookimpl\ndef nodepulse_senders(): raise ValueError\n"
        "@hookimpl\ndef nodepulse_batch_sent(batch): sent.append(batch)\n"
    )
    site.add("alone", plugins={"alone": "alone_module"}, alone_module=source)
    host = site.host()
    host.load_behaviour()
    host.batch_sent(BATCH)
    host.senders(DESTINATION)
    host.batch_sent(BATCH)
    assert len(sys.modules["alone_module"].sent) == 1
    shared = HOOK + "sent = []\n@hookimpl\ndef nodepulse_batch_sent(batch): sent.append(batch)\n"
    site.add("shared", plugins={"left": "shared_module", "right": "shared_module"}, shared_module=shared)
    host = site.host()
    host.load_behaviour()
    host.break_down(next(each for each in host.installed if each.name == "left"), "it is told to be")
    host.batch_sent(BATCH)
    assert len(sys.modules["shared_module"].sent) == 1


def test_hooks_may_be_called_while_another_thread_loads(site: Site) -> None:
    """Loading from a thread, as a batch of a new type does, does not disturb hooks that are called meanwhile."""
    for index in range(40):
        name = f"x{index}_exporter"
        site.add(f"x{index}", exporters={name: f"x{index}_module"}, **{f"x{index}_module": exporter_source(name)})
    host = site.host()
    failed: list[BaseException] = []

    def load() -> None:
        try:
            for plugin in host.installed:
                host.load(plugin)
        except BaseException as error:  # noqa: BLE001 - what is looked at
            failed.append(error)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        host.batch_sent(BATCH)
        host.transform({}, TARGET)
    for thread in threads:
        thread.join()
    assert failed == []
    assert all(len(host.exporters(plugin)) == 1 for plugin in host.installed)


def test_what_was_installed_since_is_found(site: Site) -> None:
    """After a refresh a new plugin can be loaded, one that is loaded stays what it was, and what is gone is gone."""
    site.add("first", version="1.0", exporters={"one": "first_module"}, first_module=exporter_source("one"))
    gone = site.add("gone", exporters={"two": "gone_module"}, gone_module=exporter_source("two"))
    host = site.host()
    (first,) = (each for each in host.installed if each.name == "one")
    host.load(first)
    site.add("second", exporters={"three": "second_module"}, second_module=exporter_source("three"))
    (gone / "entry_points.txt").unlink()
    host.refresh()
    assert host.exporter_names() == ["one", "three"]
    assert first in host.installed
    (second,) = (each for each in host.installed if each.name == "three")
    host.load(second)
    assert [exporter.name for exporter in host.exporters(second)] == ["three"]


def test_what_a_plugin_lacked_may_be_installed_since(site: Site) -> None:
    """A plugin that lacked a module stays broken, is tried once more after a refresh, and then works."""
    source = "import lacked_module\n" + exporter_source("one")
    site.add("needy", exporters={"one": "needy_module"}, needy_module=source)
    host = site.host()
    (needy,) = host.installed
    for _ in range(2):
        with pytest.raises(PluginError, match="needs the module lacked_module"):
            host.load(needy)
    site.add("lacked", lacked_module="")
    with pytest.raises(PluginError, match="needs the module lacked_module"):
        host.load(needy)
    host.refresh()
    assert host.error(needy) is not None
    host.load(needy)
    assert host.error(needy) is None
    assert len(host.exporters(needy)) == 1


def test_a_broken_plugin_that_was_mended_is_usable(site: Site) -> None:
    """An upgrade of a plugin that could not be imported takes away its reason; without one the reason stays."""
    site.add("bad", version="1.0", exporters={"one": "bad_module"}, bad_module="raise ValueError('boom')")
    host = site.host()
    (bad,) = host.installed
    with pytest.raises(PluginError, match="boom"):
        host.load(bad)
    host.refresh()
    assert host.error(bad) is not None
    info = site.add("bad", version="1.1", exporters={"one": "bad_module"}, bad_module=exporter_source("one"))
    for old in site.path.glob("bad-1.0*"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    assert info.exists()
    host.refresh()
    (mended,) = host.installed
    assert mended.version == "1.1"
    host.load(mended)
    assert host.error(mended) is None
