"""Hook implementations: checked with all their faults at once, kept in order, called by themselves."""

from __future__ import annotations

from types import ModuleType

import pytest
from nodepulse_core import hookspecs
from nodepulse_core.errors import PluginError
from nodepulse_core.plugins import PLUGINS, Installed
from nodepulse_core.plugins.hooks import Hooks

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("nodepulse_"))


def module(source: str, name: str = "plugin") -> ModuleType:
    """Return a module made of a source."""
    made = ModuleType(name)
    exec("from nodepulse_core import hookimpl\n" + source, vars(made))  # noqa: S102 - the tests' own text
    return made


def installed(name: str) -> Installed:
    """Return an entry point of that name."""
    return Installed(name, PLUGINS, name, f"dist-{name}", "1.0")


DEPRECATED = """
import pluggy
hookspec = pluggy.HookspecMarker("nodepulse")

@hookspec(warn_on_impl=DeprecationWarning("nodepulse_old is deprecated; use nodepulse_new"))
def nodepulse_old(target): ...

@hookspec(warn_on_impl_args={"host": DeprecationWarning("host is deprecated; use target.endpoint")})
def nodepulse_new(target, host): ...
"""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("@hookimpl\ndef nodepulse_old(target): return 'old'", ("nodepulse_old is deprecated; use nodepulse_new",)),
        ("@hookimpl\ndef nodepulse_new(host): return host", ("host is deprecated; use target.endpoint",)),
        ("@hookimpl\ndef nodepulse_new(target): return target", ()),
    ],
)
def test_what_is_deprecated_is_told_and_works(source: str, told: tuple[str, ...]) -> None:
    """A deprecated hook or argument is said in the specification's own words, and is called as before."""
    hooks = Hooks(module(DEPRECATED, "specifications"))
    assert hooks.register(installed("late"), module(source)) == told
    (implementation,) = [each for hook in hooks.known for each in hooks[hook]]
    assert implementation.call({"target": "old", "host": "old"}) == "old"


def faults(source: str) -> str:
    """Return why a source is refused; nothing of it stays registered."""
    hooks = Hooks()
    with pytest.raises(PluginError) as caught:
        hooks.register(installed("faulty"), module(source))
    assert not any(hooks[hook] for hook in HOOKS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1", "it implements no hook; is its function marked @hookimpl?"),
        ("def nodepulse_exporters(): pass", "it implements no hook; is its function marked @hookimpl?"),
        (
            "@hookimpl\ndef nodepulse_exporter(): pass",
            "it implements nodepulse_exporter, which is no hook; did you mean nodepulse_exporters?",
        ),
        (
            "@hookimpl\ndef zzz(): pass",
            "it implements zzz, which is no hook; hooks are nodepulse_exporters, nodepulse_senders, ",
        ),
        (
            "@hookimpl\ndef nodepulse_transform(snapshot, tgt): pass",
            "its nodepulse_transform takes tgt, which is none of its arguments; they are snapshot, target",
        ),
        (
            "@hookimpl\ndef nodepulse_exporters(config): pass",
            "its nodepulse_exporters takes config, which is none of its arguments; they are none",
        ),
        ("@hookimpl\nasync def nodepulse_batch_sent(batch): pass", "its nodepulse_batch_sent is async"),
        ("@hookimpl\nasync def nodepulse_exporters():\n    yield 1", "its nodepulse_exporters is async"),
        (
            "@hookimpl(wrapper=True)\ndef nodepulse_transform(snapshot):\n    return (yield)",
            "its nodepulse_transform asks for wrapper; hooks are called one by one, in the order of plugins' names",
        ),
        ("@hookimpl(trylast=True)\ndef nodepulse_batch_sent(): pass", "its nodepulse_batch_sent asks for trylast"),
        (
            "@hookimpl\ndef nodepulse_batch_sent(*, batch): pass",
            "its nodepulse_batch_sent takes arguments by keyword only; hooks are called by position",
        ),
        ("def __dir__(): raise SystemExit", "raised SystemExit"),
    ],
)
def test_what_cannot_be_called_is_refused_with_its_reason(source: str, reason: str) -> None:
    """A module without hooks, or with misspelt, asynchronous or unsuitable ones, is refused whole, and says why."""
    assert reason in faults(source)


def test_all_faults_are_said_at_once() -> None:
    """Who wrote two wrong hooks learns of both."""
    said = faults("@hookimpl\nasync def nodepulse_transform(tgt): pass\n@hookimpl\ndef nodepulse_sent(): pass")
    assert "is async" in said
    assert "takes tgt" in said
    assert "nodepulse_sent, which is no hook" in said


def test_arguments_may_be_left_away() -> None:
    """An implementation is given those arguments that it names."""
    hooks = Hooks()
    hooks.register(installed("one"), module("@hookimpl\ndef nodepulse_scrape_failed(reason): return reason"))
    (implementation,) = hooks["nodepulse_scrape_failed"]
    assert implementation.call({"target": None, "reason": "why"}) == "why"


def test_a_hook_may_bear_another_name_or_be_optional() -> None:
    """`specname` names the hook, and a hook of another version that is marked optional is no fault."""
    hooks = Hooks()
    source = '@hookimpl(specname="nodepulse_batch_sent")\ndef sent(batch): return batch\n'
    hooks.register(installed("one"), module(source + "@hookimpl(optionalhook=True)\ndef nodepulse_new(): pass"))
    assert [each.call({"batch": 1}) for each in hooks["nodepulse_batch_sent"]] == [1]


def test_implementations_are_in_the_order_of_their_plugins_names() -> None:
    """The order does not depend on which was loaded first."""
    hooks = Hooks()
    for name in ("b", "c", "a"):
        hooks.register(installed(name), module("@hookimpl\ndef nodepulse_batch_sent(): pass", name))
    assert [each.plugin.name for each in hooks["nodepulse_batch_sent"]] == ["a", "b", "c"]


def test_a_module_is_registered_once_and_forgotten_whole() -> None:
    """A module that two entry points name is called once; after it is forgotten, it can be registered again."""
    hooks = Hooks()
    made = module("@hookimpl\ndef nodepulse_batch_sent(): pass\n@hookimpl\ndef nodepulse_exporters(): pass")
    hooks.register(installed("one"), made)
    hooks.register(installed("two"), made)
    assert len(hooks["nodepulse_batch_sent"]) == 1
    hooks.unregister(made)
    assert not any(hooks[hook] for hook in HOOKS)
    hooks.register(installed("two"), made)
    assert [each.plugin.name for each in hooks["nodepulse_exporters"]] == ["two"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("yield 1\n    raise ValueError('half way')", "nodepulse_exporters raised ValueError: half way"),
        ("yield 1\n    raise SystemExit", "nodepulse_exporters raised SystemExit"),
        ("return 5", "nodepulse_exporters returned int, where a list is due, or objects are to be yielded"),
        ("return 'text'", "nodepulse_exporters returned str, where a list is due"),
        ("return {'a': 1}", "nodepulse_exporters returned dict, where a list is due"),
        ("return (lambda: (yield))", "nodepulse_exporters returned function, where a list is due"),
        ("while True:\n        yield 1", "nodepulse_exporters registers more than 1000 objects"),
        ("async def inner(): pass\n    return inner()", "nodepulse_exporters returned coroutine, where a list is due"),
    ],
)
def test_a_registering_hook_that_fails_registers_nothing(body: str, reason: str) -> None:
    """What is returned must be a bounded list; a generator that fails half way gives nothing."""
    hooks = Hooks()
    hooks.register(installed("one"), module(f"@hookimpl\ndef nodepulse_exporters():\n    {body}"))
    with pytest.raises(PluginError) as caught:
        hooks["nodepulse_exporters"][0].collect({})
    assert reason in str(caught.value)


def test_a_registering_hook_may_return_nothing() -> None:
    """None registers nothing, and is no fault."""
    hooks = Hooks()
    hooks.register(installed("one"), module("@hookimpl\ndef nodepulse_exporters(): pass"))
    assert hooks["nodepulse_exporters"][0].collect({}) == []
