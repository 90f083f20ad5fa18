"""Pages for authors that are written from docstrings: hooks.md and names.md.

To write them anew: PYTHONPATH=tests .venv/bin/python tests/support/author_pages.py
"""

from __future__ import annotations

import inspect
import re
import textwrap
from types import FunctionType, ModuleType

import nodepulse_core
from nodepulse_core import hookspecs, testing
from support.repository import ROOT

AUTHORS = ROOT / "docs" / "authors"
_EXAMPLE = "One complete example:\n"
_HEAD = """\
# Hooks

A plugin is a module with functions marked `@hookimpl`. Exporter plugins are entry points of the group
`nodepulse.exporters`, whose name is the exporter's type; all others are of the group `nodepulse.plugins`:

```toml
[project.entry-points."nodepulse.plugins"]
labels = "nodepulse_plugin_labels"
```

Hooks are synchronous and quick: they register, transform or observe. I/O is done by the objects that they register.
An implementation takes those of a hook's arguments that it needs, by their names. Hooks are called plugin by plugin, in
the order of the plugins' names; one that raises does not stop the others. The version of the hooks is {version}; a
plugin may state the one that it is written for as `nodepulse_api_version = {version}`.

This page is written from `nodepulse_core.hookspecs`, and every example on it is run by a test.

| hook | what it does | called with |
|---|---|---|
{rows}

## When a hook changes

A hook, or an argument of one, is never taken away without notice. First it is marked as deprecated, with what to use in
its place: when a plugin that has it is loaded, the agent logs a warning that names the plugin, and
`nodepulse plugins check` fails. The agent calls it all the same until the next minor version of nodepulse-core at the
earliest; the version of the hooks is raised only when something that worked no longer does. In `hookspecs`:

```python
@hookspec(warn_on_impl=DeprecationWarning("nodepulse_old is deprecated; use nodepulse_new"))
def nodepulse_old(target): ...


@hookspec(warn_on_impl_args={{"host": DeprecationWarning("host is deprecated; use target.endpoint")}})
def nodepulse_seen(target, host): ...
```
"""

_NAMES = """\
# Public names

What a plugin imports, it imports from `nodepulse_core`. These names stay compatible within a minor version; whatever
else is in the package may change at any time. This page is written from their docstrings.

| `from nodepulse_core import …` | what it is |
|---|---|
{core}

Kinds of fields are shown with examples in [fields.md](fields.md), hooks in [hooks.md](hooks.md).

| `from nodepulse_core.testing import …` | what it is |
|---|---|
{kit}

How these are used is in [testing.md](testing.md).
"""
_CONSTANTS = {
    "__version__": "The version of nodepulse-core.",
    "hookimpl": "Marks a function of a plugin as the implementation of the hook of its name.",
    "BEHAVIOURS": "All the ways in which a MetricsServer answers.",
}


def list_hooks() -> dict[str, FunctionType]:
    """Return the hooks' specifications by name."""
    return {name: value for name, value in vars(hookspecs).items() if name.startswith("nodepulse_")}


def write_hooks() -> str:
    """Return the page of all hooks."""
    hooks = list_hooks()
    rows = [f"| [`{name}`](#{name}) | {_first(hook)} | {_arguments(hook)} |" for name, hook in hooks.items()]
    head = _HEAD.format(version=hookspecs.API_VERSION, rows="\n".join(rows))
    return head + "".join(_write_hook(name, hook) for name, hook in hooks.items())


def write_names() -> str:
    """Return the page of all public names."""
    return _NAMES.format(core=_list_names(nodepulse_core), kit=_list_names(testing))


PAGES = {"hooks.md": write_hooks, "names.md": write_names}


def _list_names(module: ModuleType) -> str:
    rows = []
    for name in sorted(module.__all__, key=str.lower):
        value = getattr(module, name)
        told = _CONSTANTS.get(name) or _first(value)
        rows.append(f"| `{name}` | {told} |")
    return "\n".join(rows)


def _first(value: object) -> str:
    return " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())


def _arguments(hook: FunctionType) -> str:
    return ", ".join(f"`{name}`" for name in inspect.signature(hook).parameters) or "nothing"


def _write_hook(name: str, hook: FunctionType) -> str:
    told, _, example = (inspect.getdoc(hook) or "").partition(_EXAMPLE)
    example = re.sub(r"\n\n(?=@|class |def )", "\n\n\n", textwrap.dedent(example).strip())
    signature = str(inspect.signature(hook)).replace("'", "")
    return f"\n## {name}\n\n```python\n{name}{signature}\n```\n\n{told.strip()}\n\n```python\n{example}\n```\n"


if __name__ == "__main__":
    for page, write in PAGES.items():
        (AUTHORS / page).write_text(write())
