"""Who holds the event loop: found from its stack and its task, and counted for each plugin.

Only a plugin is ever blamed, and only where its code is on the loop's own stack: a machine that is short of CPU, or
was suspended, makes the loop late as well.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from types import FrameType

from attrs import define, frozen

from nodepulse_core.plugins import Installed

_SCRAPE = "scrape "


@frozen
class Holder:
    """A plugin that holds the loop, and the target that it was scraping, where it was."""

    plugin: Installed
    target: str | None

    def __str__(self) -> str:
        if self.target is None:
            return f"the plugin {self.plugin.name} ({self.plugin.origin})"
        return f"the exporter {self.plugin.name} of target {self.target} ({self.plugin.origin})"


@define
class Hold:
    """How often and how long one holder has held the loop; times are seconds, `last_at` since the epoch."""

    holder: Holder
    times: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    last_at: float = 0.0

    def note(self, seconds: float, at: float) -> None:
        """Note that it held the loop that long, until then."""
        self.seconds += seconds
        self.longest = max(self.longest, seconds)
        self.last_at = at


def find_holder(loop: asyncio.AbstractEventLoop, thread: int, installed: Iterable[Installed]) -> Holder | None:
    """Return which plugin's code is running in a loop, from another thread; None where none is.

    `thread` is the identifier of the loop's thread.
    """
    frame = sys._current_frames().get(thread)
    packages = {each.module.partition(".")[0]: each for each in installed if each.module}
    modules = {each.module: each for each in installed}
    for module in _modules(frame):
        plugin = modules.get(module) or packages.get(module.partition(".")[0])
        if plugin is not None:
            task = asyncio.current_task(loop)
            name = task.get_name() if task is not None else ""
            return Holder(plugin, name.removeprefix(_SCRAPE) if name.startswith(_SCRAPE) else None)
    return None


def _modules(frame: FrameType | None) -> Iterator[str]:
    """Yield the names of the modules whose code is on a stack, the innermost first."""
    while frame is not None:
        yield str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back
