"""The hooks of NodePulse, as a plugin author reads them.

A plugin is a module with functions marked `@hookimpl`. Exporter plugins are entry points of the group
`nodepulse.exporters`, whose name is the exporter's type; all others are of the group `nodepulse.plugins`.
Hooks are synchronous and quick: they register, transform or observe. I/O is done by the objects they register.
An implementation takes those of a hook's arguments that it needs, by their names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

from nodepulse_core.exporter import Exporter
from nodepulse_core.model import Batch, Destination, Target
from nodepulse_core.sender import Sender

if TYPE_CHECKING:
    import click

PROJECT = "nodepulse"
API_VERSION = 1
"""The version of these hooks. A plugin states the one it is written for as `nodepulse_api_version = 1`."""
OLDEST_API_VERSION = 1
"""The oldest version whose plugins still work. What states none is written for version 1."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def nodepulse_exporters() -> Iterable[Exporter]:
    """Register exporters.

    Called once for each entry point that names the module, when that is loaded: when a target of its type is
    configured, or `plugins list --load` asks for it. Return or yield exporters, at most 1000. One of them must bear
    the entry point's name; its attributes are read once. Where it raises, even after some were yielded, the plugin
    is broken, which is shown with the reason; every other plugin goes on.

    One complete example:

        from nodepulse_core import HTTPExporter, hookimpl

        @hookimpl
        def nodepulse_exporters():
            yield HTTPExporter(
                "nginx_exporter",
                default_endpoint="http://localhost:9113/metrics",
                fields={"nginx_up": "nginx_up"},
            )
    """
    raise AssertionError("a specification is never called")


@hookspec
def nodepulse_senders(destination: Destination) -> Iterable[Sender]:
    """Register senders.

    Called once, at start, with what `server` of the configuration says, and only if `server.sender` is not
    `dashboard`, the built-in one. Return or yield senders; the one that `server.sender` names is used. A name that
    two plugins bring is not used. Where it raises, the plugin is broken; if the sender that was named is then
    missing, the agent does not start.

    One complete example:

        from nodepulse_core import Accepted, hookimpl

        class Discard:
            name = "discard"
            ordered = False

            async def send(self, batch):
                return Accepted()

            async def close(self):
                pass

        @hookimpl
        def nodepulse_senders(destination):
            yield Discard()
    """
    raise AssertionError("a specification is never called")


@hookspec
def nodepulse_commands() -> Iterable[click.Command]:
    """Register subcommands of `nodepulse`.

    Called at most once a run, when a command is asked for that is not built in, or the list of commands is. Return
    or yield click commands. A built-in command is never replaced, and a name that two plugins bring is not used.
    Where it raises, the plugin is broken, and a warning says so.

    One complete example:

        import click
        from nodepulse_core import hookimpl

        @click.command("hello")
        def hello():
            "Greet."
            click.echo("hello")

        @hookimpl
        def nodepulse_commands():
            yield hello
    """
    raise AssertionError("a specification is never called")


@hookspec
def nodepulse_transform(snapshot: dict[str, Any], target: Target) -> dict[str, Any] | None:
    """Change what is sent of an entry.

    Called for each object of each snapshot, every time a batch is made of it, so it must give the same for the
    same. Return the object to send in its place, or None to leave it. Plugins are called in the order of their
    names, each with what the one before made. `timestamp` and `instance` are set afterwards. Where it raises, the
    entry is quarantined with the reason: what a plugin was to take out is not sent after all.

    One complete example:

        from nodepulse_core import hookimpl

        @hookimpl
        def nodepulse_transform(snapshot, target):
            return {name: value for name, value in snapshot.items() if name != "processes_total"}
    """
    raise AssertionError("a specification is never called")


@hookspec
def nodepulse_scrape_failed(target: Target, reason: str) -> None:
    """Observe a scrape that failed.

    Called once for each slot that got no entry, after its last try. The return is not used; an exception is
    counted and logged, ever more rarely, and changes nothing.

    One complete example:

        from nodepulse_core import hookimpl

        failures = []

        @hookimpl
        def nodepulse_scrape_failed(target, reason):
            failures.append((target.name, reason))
    """
    raise AssertionError("a specification is never called")


@hookspec
def nodepulse_batch_sent(batch: Batch) -> None:
    """Observe a batch that was delivered.

    Called once for each delivered batch, when its entries are gone from the buffer. The return is not used; an
    exception is counted and logged, ever more rarely, and changes nothing.

    One complete example:

        from nodepulse_core import hookimpl

        sent = []

        @hookimpl
        def nodepulse_batch_sent(batch):
            sent.append(len(batch.snapshots))
    """
    raise AssertionError("a specification is never called")


@hookspec
def nodepulse_batch_rejected(batch: Batch, reason: str) -> None:
    """Observe entries that the destination refused for good.

    Called once for each quarantine of refused entries, with a batch of just those. The return is not used; an
    exception is counted and logged, ever more rarely, and changes nothing.

    One complete example:

        from nodepulse_core import hookimpl

        rejected = []

        @hookimpl
        def nodepulse_batch_rejected(batch, reason):
            rejected.append((batch.id, reason))
    """
    raise AssertionError("a specification is never called")
