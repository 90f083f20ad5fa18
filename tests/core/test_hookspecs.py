"""The hooks as their authors read them: each docstring is complete, and its example runs."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import click
import pytest
from nodepulse_core import Accepted, Batch, Destination, Entry, Snapshot, Target, __version__, hookspecs
from nodepulse_core.model import Window
from nodepulse_core.plugins import EXPORTERS, Installed
from nodepulse_core.plugins.hooks import Hooks, Implementation
from support.repository import ROOT

HOOKS: dict[str, FunctionType] = {
    name: value for name, value in vars(hookspecs).items() if name.startswith("nodepulse_")
}
TARGET = Target("one", "one", "http://localhost:1", interval=1.0, timeout=1.0)
ENTRY = Entry(Window(1_800_000_000, "server"), "one")
BATCH = Batch("server", (Snapshot(ENTRY, "one", ({"a": 1},), b"{}", "a 1\n"),))


def example(hook: str) -> ModuleType:
    """Return a hook's example as a module."""
    _, heading, code = (inspect.getdoc(HOOKS[hook]) or "").partition("One complete example:\n")
    assert heading, f"{hook} has no example"
    module = ModuleType(f"example_of_{hook}")
    exec(textwrap.dedent(code), vars(module))  # noqa: S102 - the documentation's own text
    return module


def implementation(hook: str) -> tuple[ModuleType, Implementation]:
    """Return a hook's example, loaded as a plugin is, and its implementation."""
    module = example(hook)
    hooks = Hooks()
    hooks.register(Installed("nginx_exporter", EXPORTERS, module.__name__, "example", "1.0"), module)
    (found,) = hooks[hook]
    return module, found


def check_exporters(_: ModuleType, hook: Implementation) -> None:
    """Hold the example to bringing an exporter that makes a snapshot."""
    (exporter,) = hook.collect({})
    assert exporter.name == "nginx_exporter"
    assert exporter.snapshot("nginx_up 1 1800000000000\n") == {"nginx_up": 1}


def check_senders(_: ModuleType, hook: Implementation) -> None:
    """Hold the example to bringing a sender that accepts a batch."""
    (sender,) = hook.collect({"destination": Destination("http://localhost:1")})
    sending = sender.send(BATCH)
    with pytest.raises(StopIteration) as returned:
        sending.send(None)
    assert isinstance(returned.value.value, Accepted)
    assert (sender.name, sender.ordered) == ("discard", False)


def check_commands(_: ModuleType, hook: Implementation) -> None:
    """Hold the example to bringing a command that greets."""
    from click.testing import CliRunner  # noqa: PLC0415 - of this check alone

    (command,) = hook.collect({})
    assert isinstance(command, click.Command)
    assert CliRunner().invoke(command).output == "hello\n"


def check_transform(_: ModuleType, hook: Implementation) -> None:
    """Hold the example to taking one field out."""
    assert hook.call({"snapshot": {"a": 1, "processes_total": 2}, "target": TARGET}) == {"a": 1}


def check_scrape_failed(module: ModuleType, hook: Implementation) -> None:
    """Hold the example to keeping the target's name and the reason."""
    hook.call({"target": TARGET, "reason": "why"})
    assert module.failures == [("one", "why")]


def check_batch_sent(module: ModuleType, hook: Implementation) -> None:
    """Hold the example to counting the snapshots."""
    hook.call({"batch": BATCH})
    assert module.sent == [1]


def check_batch_rejected(module: ModuleType, hook: Implementation) -> None:
    """Hold the example to keeping the batch's id and the reason."""
    hook.call({"batch": BATCH, "reason": "why"})
    assert module.rejected == [(BATCH.id, "why")]


CHECKS: dict[str, Callable[[ModuleType, Implementation], Any]] = {
    "nodepulse_exporters": check_exporters,
    "nodepulse_senders": check_senders,
    "nodepulse_commands": check_commands,
    "nodepulse_transform": check_transform,
    "nodepulse_scrape_failed": check_scrape_failed,
    "nodepulse_batch_sent": check_batch_sent,
    "nodepulse_batch_rejected": check_batch_rejected,
}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_does_what_it_says(hook: str) -> None:
    """A hook's example is loaded as a plugin is, called with what the agent gives, and does what an author expects."""
    CHECKS[hook](*implementation(hook))


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_stands_alone(hook: str) -> None:
    """An example imports what it uses, and nothing of the core but its public names."""
    for name in re.findall(r"from (nodepulse_core\S*) import", inspect.getdoc(HOOKS[hook]) or ""):
        assert name == "nodepulse_core"


@pytest.mark.parametrize("hook", HOOKS)
def test_a_docstring_says_all_that_an_author_must_know(hook: str) -> None:
    """It says in sentences when the hook is called and how often, what a return does, and what an exception does."""
    text = (inspect.getdoc(HOOKS[hook]) or "").partition("One complete example:")[0]
    first, *rest = text.split("\n\n")
    assert re.fullmatch(r"(Register|Change|Observe) [^\n]+\.", first)
    told = " ".join(" ".join(rest).split())
    sentences = re.split(r"(?<=[.:]) ", told)
    assert [each for each in sentences if each.startswith("Called ")], "when"
    assert re.search(r"Called (once|at most once|for each|when)\b", told), "how often"
    assert re.search(r"\bReturn\b|\breturn\b", told), "return"
    assert re.search(r"\braises\b|\bexception\b", told), "exception"


@pytest.mark.parametrize("hook", HOOKS)
def test_a_specification_is_never_called(hook: str) -> None:
    """Specifications are read, not called."""
    with pytest.raises(AssertionError):
        HOOKS[hook](**dict.fromkeys(inspect.signature(HOOKS[hook]).parameters))


def test_the_versions_that_work_are_written_down() -> None:
    """docs/authors/compatibility.md has a row for this minor version of the core, with its range."""
    document = (ROOT / "docs" / "authors" / "compatibility.md").read_text()
    minor = ".".join(__version__.split(".")[:2])
    assert f"| {minor} | {hookspecs.OLDEST_API_VERSION} | {hookspecs.API_VERSION} |" in document
    assert f"nodepulse_api_version = {hookspecs.API_VERSION}\n" in document
