"""A plugin's module: whatever its import does is one plugin's reason, and says what to do about it."""

from __future__ import annotations

import contextlib
import sys

import pytest
from nodepulse_core import __version__, hookspecs
from nodepulse_core.errors import PluginError
from support.plugins import ENDS, HOOK, Site


def fault(site: Site, source: str) -> str:
    """Return why a plugin whose module has that source is broken; a good one beside it is loaded."""
    site.add("bad", version="1.2", plugins={"bad": "bad_module"}, bad_module=source)
    site.add("good", plugins={"good": "good_module"}, good_module=HOOK + "@hookimpl\ndef nodepulse_batch_sent(): pass")
    host = site.host()
    host.load_behaviour()
    bad, good = host.installed
    assert host.error(good) is None
    host.load(good)
    reason = str(host.error(bad))
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            host.load(bad)
        assert str(caught.value) == f"bad of bad 1.2 is broken: {reason}"
    return reason


@pytest.mark.parametrize("error", ENDS)
def test_an_import_that_raises_is_a_reason(site: Site, error: str) -> None:
    """An import may raise, exit, or pretend to be interrupted: it is one plugin's reason, the same each time."""
    assert fault(site, f"raise {error}").startswith("importing bad_module raised ")


def test_a_syntax_error_is_a_reason(site: Site) -> None:
    """A module that is no Python says where."""
    assert "SyntaxError" in fault(site, "def (")


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        (
            "import psycopg_of_no_one.pool",
            "; it needs the module psycopg_of_no_one, which is not installed; try: pip install bad, which brings what "
            "it declares to need, or: pip install psycopg_of_no_one",
        ),
        (
            "try:\n    import psycopg_of_no_one\nexcept ImportError:\n    raise RuntimeError('driver?') from None",
            "it needs the module psycopg_of_no_one, which is not installed; try: pip install bad",
        ),
        (
            "try:\n    import psycopg_of_no_one\nexcept ImportError as error:\n    exit('driver?')",
            "it needs the module psycopg_of_no_one, which is not installed",
        ),
        (
            "from nodepulse_core import Teleporter",
            f"it is not written for nodepulse-core {__version__}: upgrade one of the two",
        ),
        ("import bad_module.part", "its installation is damaged; try: pip install --force-reinstall bad"),
    ],
)
def test_a_missing_module_is_named_with_the_line_that_installs_it(site: Site, source: str, remedy: str) -> None:
    """An ImportError, also one that the plugin hides behind another error, ends with what to do about it."""
    assert remedy in fault(site, source)


def test_an_entry_point_without_its_module_is_a_damaged_installation(site: Site) -> None:
    """Where the entry point's own module is missing, a new installation is what helps."""
    site.add("hollow", plugins={"hollow": "hollow_module.inner"})
    host = site.host()
    with pytest.raises(PluginError, match="its installation is damaged; try: pip install --force-reinstall hollow"):
        host.load(host.installed[0])


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (
            "2",
            f"it is written for version 2 of the hooks, and nodepulse-core {__version__} has version 1; "
            "upgrade nodepulse-core",
        ),
        ("0", f"version 0 of the hooks, and nodepulse-core {__version__} has version 1; upgrade bad"),
        ("'1'", "its nodepulse_api_version is of type str, where a number is due"),
        ("True", "its nodepulse_api_version is of type bool, where a number is due"),
    ],
)
def test_another_version_of_the_hooks_is_refused(site: Site, wanted: str, reason: str) -> None:
    """The reason names both versions, and what to upgrade."""
    source = f"{HOOK}nodepulse_api_version = {wanted}\n@hookimpl\ndef nodepulse_batch_sent(): pass"
    assert reason in fault(site, source)


@pytest.mark.parametrize("group", ["exporters", "plugins"])
def test_versions_from_the_oldest_to_the_newest_are_taken_in_both_groups(
    site: Site, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    """A plugin between the two works, one outside of them names both versions; what states none is of version 1."""
    monkeypatch.setattr(hookspecs, "OLDEST_API_VERSION", 2)
    monkeypatch.setattr(hookspecs, "API_VERSION", 3)
    sources = {"old": "", "two": "nodepulse_api_version = 2\n", "new": "nodepulse_api_version = 4\n"}
    for name, source in sources.items():
        module = f"{source}{HOOK}@hookimpl\ndef nodepulse_batch_sent(): pass"
        site.add(name, **{group: {name: f"version_{name}"}}, **{f"version_{name}": module})  # type: ignore[arg-type]  # group and module
    host = site.host()
    said = {}
    for plugin in host.installed:
        with contextlib.suppress(PluginError):
            host.load(plugin)
        said[plugin.name] = host.error(plugin)
    assert said["two"] is None
    core = f"of the hooks, and nodepulse-core {__version__} has versions 2 to 3; upgrade"
    assert said["old"] == f"it is written for version 1 {core} old"
    assert said["new"] == f"it is written for version 4 {core} nodepulse-core"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def __getattr__(name): raise SystemExit(name)", "it implements no hook"),
        ("class Any:\n    pass\ndef __getattr__(name): return Any()", "it implements no hook"),
        ("import sys\nsys.modules[__name__] = 5", "importing bad_module gives int, where a plain module is due"),
        (
            "import sys, types\nclass Odd(types.ModuleType):\n    def __eq__(self, other): raise SystemExit\n"
            "sys.modules[__name__].__class__ = Odd",
            "gives Odd, where a plain module is due",
        ),
        (
            "import sys, types\nclass Odd(types.ModuleType):\n    def __eq__(self, other): raise SystemExit\n"
            "    __hash__ = types.ModuleType.__hash__\nsys.modules[__name__].__class__ = Odd",
            "gives Odd, where a plain module is due",
        ),
        (
            "import sys, types\nclass Odd(types.ModuleType):\n    def __hash__(self): raise SystemExit\n"
            "sys.modules[__name__].__class__ = Odd",
            "gives Odd, where a plain module is due",
        ),
        (
            "import sys, types\nclass Odd(types.ModuleType):\n    def __getattribute__(self, name): raise SystemExit\n"
            "sys.modules[__name__].__class__ = Odd",
            "SystemExit",
        ),
        (
            "import sys, types\nclass Odd(types.ModuleType):\n    def __getattribute__(self, name):\n"
            "        return exit(7) if name == '__dict__' else super().__getattribute__(name)\n"
            "sys.modules[__name__].__class__ = Odd",
            "raised SystemExit: 7",
        ),
        ("__class__ = 5\n__signature__ = 7\n__wrapped__ = 3\n__path__ = 4", "it implements no hook"),
    ],
)
def test_a_module_that_is_none_is_refused(site: Site, source: str, reason: str) -> None:
    """Modules that compare, hash or look themselves up in ways of their own harm nobody else."""
    assert reason in fault(site, source)


def test_what_an_import_prints_or_turns_over_stays_its_own(
    site: Site, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What an import prints goes to standard error; what it turns over is put back, and said with its name."""
    source = HOOK + (
        "import logging, sys\nprint('hello')\nlogging.getLogger('nodepulse_core').disabled = True\n"
        "sys.stdout = None\n@hookimpl\ndef nodepulse_batch_sent(): pass"
    )
    site.add("noisy", plugins={"noisy": "noisy_module"}, noisy_module=source)
    stdout = sys.stdout
    site.host().load_behaviour()
    assert sys.stdout is stdout
    assert capsys.readouterr() == ("", "hello\n")
    assert caplog.messages == [
        "noisy of noisy 1.0 turned over sys.stdout, the logging of NodePulse when it was imported; it is put back"
    ]
