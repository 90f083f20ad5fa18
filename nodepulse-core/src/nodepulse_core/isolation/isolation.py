"""Isolation: which exporters have a process of their own, and what is known of those that do."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import Any

from nodepulse_core.errors import PluginError
from nodepulse_core.exporter import Description
from nodepulse_core.isolation.child import Child, ChildEndedError, Order
from nodepulse_core.isolation.exporter import ChildState, IsolatedExporter
from nodepulse_core.model import MAX_MEMORY, Target
from nodepulse_core.plugins import Installed

_IDLE_INTERVALS = 2.0
_SHORTEST_IDLE, _LONGEST_IDLE = 60.0, 600.0
_LONGEST_TEXT = 4096
_MOST, _MOST_FIELDS = 100, 1000
_PORTS = 2**16


class Isolation:
    """The children of one agent. Made without a loop; an exporter is made for the loop that it is asked for in."""

    def __init__(self) -> None:
        self._known: dict[Installed, Description] = {}
        self._exporters: dict[str, IsolatedExporter] = {}
        self._lock = threading.Lock()

    def describe(self, installed: Sequence[Installed]) -> Description:
        """Return what the first of a module's entry points brings, asking a child, once; raises PluginError."""
        plugin = installed[0]
        if plugin not in self._known:
            # In a thread, since who asks may or may not be in a loop.
            with ThreadPoolExecutor(1, thread_name_prefix="describe") as pool:
                self._known[plugin] = pool.submit(asyncio.run, _describe(tuple(installed))).result()
        return self._known[plugin]

    def exporter(
        self, target: Target, described: Description, installed: Sequence[Installed], loop: asyncio.AbstractEventLoop
    ) -> IsolatedExporter:
        """Return the exporter of a target, the same each time; its process is started when it is first asked."""
        order = Order(target.name, target.type, tuple(installed), target.max_memory)
        with self._lock:
            exporter = self._exporters.get(target.name)
            if exporter is None or exporter.order.installed != order.installed:
                exporter = self._exporters[target.name] = IsolatedExporter(described, order, loop)
            exporter.order = order  # other limits hold from its next start
            quiet = _IDLE_INTERVALS * target.interval + target.timeout
            exporter.idle_seconds = min(max(quiet, _SHORTEST_IDLE), _LONGEST_IDLE)
            return exporter

    def states(self) -> tuple[ChildState, ...]:
        """Return how the processes are, by target; of those only that were ever started."""
        with self._lock:
            states = [exporter.state() for exporter in self._exporters.values()]
        known = (state for state in states if state.starts or state.failures)
        return tuple(sorted(known, key=attrgetter("target")))

    async def close(self) -> None:
        """End all processes."""
        with self._lock:
            exporters = list(self._exporters.values())
        await asyncio.gather(*(exporter.close() for exporter in exporters))


async def _describe(installed: tuple[Installed, ...]) -> Description:
    plugin = installed[0]
    child = await Child.start(Order("describe", plugin.name, installed, MAX_MEMORY))
    try:
        return read_description(await child.open(), plugin.name)
    except ChildEndedError as error:
        raise PluginError(f"imported in a process of its own, {error}") from error
    finally:
        await child.close()


def read_description(says: Mapping[str, Any], name: str) -> Description:
    """Return what a child says of its exporter; raises PluginError where it says something else."""
    texts = [says.get("name"), says.get("default_endpoint")]
    interval = says.get("default_interval")
    schemes, ports, fields = says.get("schemes"), says.get("ports"), says.get("field_names")
    if (
        not all(isinstance(text, str) and len(text) <= _LONGEST_TEXT for text in texts)
        or texts[0] != name
        or not isinstance(interval, int | float)
        or isinstance(interval, bool)
        or not 1 <= interval < math.inf
        or not isinstance(schemes, list)
        or not isinstance(ports, list)
        or not all(isinstance(scheme, str) and len(scheme) <= _LONGEST_TEXT for scheme in schemes[:_MOST])
        or not all(type(port) is int and 0 < port < _PORTS for port in ports[:_MOST])
        or not isinstance(fields, list)
        or not all(isinstance(name, str) and len(name) <= _LONGEST_TEXT for name in fields[:_MOST_FIELDS])
    ):
        raise PluginError(f"its process gives no description of {name}")
    return Description(
        name, str(texts[1]), float(interval), tuple(schemes[:_MOST]), tuple(ports[:_MOST]), tuple(fields[:_MOST_FIELDS])
    )
