"""Whether a plugin loads as the agent loads it, and what that costs."""

from __future__ import annotations

import json
import subprocess
import sys

from nodepulse_core.errors import PluginError
from nodepulse_core.hookspecs import API_VERSION
from nodepulse_core.model import Destination
from nodepulse_core.testing.subject import Subject
from nodepulse_core.testing.verdict import UnmetError

HEAVY = (
    *("aiohttp", "ruamel", "cattrs", "rich", "click", "requests", "httpx", "urllib3", "numpy", "pandas", "yaml"),
    *("prometheus_client", "sqlalchemy", "asyncpg", "psycopg", "psycopg2", "pymysql", "MySQLdb", "redis", "pymongo"),
    *("boto3", "botocore", "google", "kubernetes", "docker", "paramiko", "cryptography", "pydantic", "jinja2"),
)
"""Packages that an exporter imports where it first needs them, not when it is loaded."""

_CODE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[2])
import nodepulse_core
core = set(sys.modules)
sys.stdout = sys.stderr
__import__(sys.argv[1])
sys.__stdout__.write(json.dumps([len(core), sorted(set(sys.modules) - core)]))
"""
_LONGEST = 60.0


def loads(subject: Subject) -> None:
    """Load it as the agent does."""
    try:
        exporter = subject.exporter
    except PluginError as error:
        raise UnmetError(str(error), "The agent would not use it; mend what the reason says.") from error
    if exporter.name != subject.plugin.name:
        raise UnmetError(
            f"the exporter is named {exporter.name!r}, its entry point {subject.plugin.name!r}",
            "Give both one name: it is what a target has as its type.",
        )
    _find_deprecated(subject)


def plugin_loads(subject: Subject) -> None:
    """Load it as the agent does, and look at what its hooks register."""
    host = subject.host
    try:
        host.load(subject.plugin)
        host.registered("nodepulse_commands", lambda command: str(command.name), ())
        host.senders(Destination("http://127.0.0.1:1/in"))
    except PluginError as error:
        raise UnmetError(str(error), "The agent would not use it; mend what the reason says.") from error
    if reason := host.error(subject.plugin):
        raise UnmetError(reason, f"See docs/authors/hooks.md for version {API_VERSION} of the hooks.")
    _find_deprecated(subject)


def _find_deprecated(subject: Subject) -> None:
    if told := subject.host.deprecated(subject.plugin):
        raise UnmetError("; ".join(told), "Change that now; it works until the next minor version of nodepulse-core.")


def is_light(subject: Subject) -> None:
    """Import it in a process of its own, and count what comes along: at most as many modules as the core has."""
    sources = [str(subject.project.sources.resolve())] if subject.project else []
    command = [sys.executable, "-c", _CODE, subject.plugin.module, json.dumps(sources)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST)  # noqa: S603 - this Python
    except subprocess.TimeoutExpired:
        raise UnmetError(
            f"importing {subject.plugin.module} takes longer than {_LONGEST:g} s",
            "Do at import nothing but define; ask and connect when a scrape needs it.",
        ) from None
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise UnmetError(f"importing {subject.plugin.module} by itself fails: {last}", "Mend that, then check again.")
    core, new = json.loads(ran.stdout)
    heavy = sorted({name.partition(".")[0] for name in new} & set(HEAVY))
    if heavy:
        raise UnmetError(
            f"importing {subject.plugin.module} imports {', '.join(heavy)}",
            "Import it in the function that needs it: every command and every other target pays for it else.",
        )
    if len(new) > core:
        raise UnmetError(
            f"importing {subject.plugin.module} imports {len(new)} modules, more than the {core} of the core",
            "Import what a scrape needs in the function that needs it; python -X importtime says what costs.",
        )
