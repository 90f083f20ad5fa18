"""The end of an agent whose event loop a plugin holds for ever, and what the next start makes of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from nodepulse_core.agent.held_targets import HeldTargets
from nodepulse_core.plugins import Installed
from nodepulse_core.watch.holders import Holder

log = logging.getLogger(__name__)


def find_held(held: HeldTargets, installed: Sequence[Installed]) -> frozenset[str]:
    """Return the targets that are isolated because they have held the event loop for ever, and say so."""
    names = held.find(installed)
    for name in sorted(names):
        log.warning(
            "%s has held the event loop for ever, so its exporter runs in a process of its own now; "
            "upgrade its plugin, or set isolation: process and remove %s",
            name,
            held.path,
        )
    return names


def give_up(held: HeldTargets, holder: Holder, seconds: float) -> None:
    """End a process whose event loop does not turn any more, for its supervisor to start it anew."""
    after = "disable it (plugins.disabled)"
    if holder.target is not None:
        try:
            held.add(holder.target, holder.plugin)
            after = "it is isolated from the next start on"
        except OSError as error:
            after = f"it could not be noted for the next start: {error.strerror}"
    log.critical(
        "%s has held the event loop for %d s, and nothing is scraped or sent; the agent ends with status %d. %s",
        holder,
        seconds,
        os.EX_SOFTWARE,
        after,
    )
    logging.shutdown()
    os._exit(os.EX_SOFTWARE)
