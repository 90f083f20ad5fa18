"""`nodepulse start`: the agent in the foreground, from its configuration to its last delivery."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import click

from nodepulse_core import __version__
from nodepulse_core.agent.agent import Agent
from nodepulse_core.agent.held_targets import HeldTargets
from nodepulse_core.agent.plan import Plan, Wanted
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.giving_up import find_held, give_up
from nodepulse_core.cli.supervision import Supervision
from nodepulse_core.clock import SystemClock
from nodepulse_core.config import Api, Loaded, Logging, Settings, find_buffer, find_server_id, find_state_dir
from nodepulse_core.http import MAX_CONNECTIONS, Address, Guard, Token, create_app, listening
from nodepulse_core.logs import LogFile, set_up_logs
from nodepulse_core.notify import Notifier

_GARBAGE_SECONDS = 60.0
_MIB = 1024**2
_MANY_FILES = 65_536
_CONNECTIONS_PART = 4

log = logging.getLogger(__name__)


@click.command()
@click.pass_obj
def start(context: Context) -> None:
    """Run the agent in the foreground.

    SIGTERM or Ctrl-C ends it: what is complete is delivered for at most 5 s, the rest after the next start. A second
    one ends it at once; nothing that was stored is lost by that. SIGHUP reads the configuration again, and restarts
    only what differs.

    Exit status: 0 it was ended, 1 it could not begin, 70 a plugin stopped all others for a minute and would not end, 78
    the configuration is wrong, and nothing was begun.
    """
    registry = context.make_registry()

    def read() -> tuple[Loaded, Wanted]:
        loaded = context.examine()
        return loaded, Wanted(loaded.settings, context.targets(loaded, registry).targets)

    def reread() -> Wanted:
        registry.refresh()
        return read()[1]

    loaded, wanted = read()  # all that can be wrong with it is found before anything is written
    state_dir = find_state_dir(loaded.settings, context.environ)

    def set_up(settings: Settings) -> None:
        _set_up_logs(settings.logging, state_dir)

    set_up(loaded.settings)
    context.host.load_behaviour()
    held = HeldTargets(state_dir)
    plan = Plan(
        held=find_held(held, context.host.installed),
        give_up=partial(give_up, held),
        wanted=wanted,
        reread=reread,
        set_up_logs=set_up,
        server_id=find_server_id(loaded.settings, state_dir),
        state_dir=state_dir,
        buffer_path=find_buffer(loaded.settings, state_dir),
        host=context.host,
        registry=registry,
        isolation=context.isolation,
        version=__version__,
    )
    asyncio.run(_run(plan, Notifier.from_environ(context.environ)))


def _set_up_logs(settings: Logging, state_dir: Path) -> None:
    file = None
    if settings.output != "stdout":
        path = settings.file.path or state_dir / "nodepulse.log"
        file = LogFile(
            path=path,
            max_bytes=settings.file.max_size_mb * _MIB,
            max_backups=settings.file.max_backups,
            max_age_days=settings.file.max_age_days,
            compress=settings.file.compress,
        )
    set_up_logs(settings.level, settings.format, file, stdout=settings.output != "file")


async def _run(plan: Plan, notifier: Notifier) -> None:
    _raise_file_limit()
    clock = SystemClock()
    agent = Agent(plan, clock)
    supervision = Supervision(agent, notifier, clock)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def ask(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        supervision.stop()

    def reload() -> None:
        task = asyncio.create_task(supervision.reload(), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ask, each)
    loop.add_signal_handler(signal.SIGHUP, reload)
    beside = [asyncio.create_task(_collect_garbage()), asyncio.create_task(supervision.run(), name="supervision")]
    await agent.run(stop, lambda: _serving(agent, plan.wanted.settings.api))
    for task in beside:
        task.cancel()
    # A plugin's thread that never returns would keep the process: everything is closed, so it ends here.
    logging.shutdown()
    with contextlib.suppress(OSError):  # a pipe whose reader has gone
        sys.stdout.flush()
    os._exit(0)


@contextlib.asynccontextmanager
async def _serving(agent: Agent, api: Api) -> AsyncIterator[None]:
    """Serve the agent's own HTTP, where the configuration has not turned that off."""
    if not api.enabled:
        yield
        return
    wanted = Address.parse(api.listen)
    guard = Guard(wanted.host, Token(api.token_file) if api.token_file else None)
    app = create_app(
        report=agent.reporter.report,
        response=agent.health.response,
        control=agent.control,
        guard=guard,
        clock=SystemClock(),
    )
    async with listening(app, wanted, max_connections=_connections()) as address:
        log.info("http://%s/ shows how it is", address)
        yield


def _raise_file_limit() -> None:
    """Let this process open as many files as it is allowed at all."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MANY_FILES if most == resource.RLIM_INFINITY else most
    with contextlib.suppress(OSError, ValueError):  # it goes on with what it has
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


def _connections() -> int:
    """Return how many callers may be connected: the most of the files are the buffer's and the scrapes'."""
    return max(1, min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _CONNECTIONS_PART))


async def _collect_garbage() -> None:
    """Leave what was made at the start alone, and collect the rest at intervals: it costs a scrape loop 8 % else."""
    gc.collect()
    gc.freeze()
    gc.disable()
    while True:
        await asyncio.sleep(_GARBAGE_SECONDS)
        gc.collect()
