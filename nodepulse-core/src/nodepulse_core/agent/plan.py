"""What an agent is built from, and what a reload brings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import field, frozen

from nodepulse_core.config import Settings
from nodepulse_core.isolation import Isolation
from nodepulse_core.model import Target
from nodepulse_core.plugins import PluginHost, Registry
from nodepulse_core.watch.holders import Holder


@frozen
class Wanted:
    """What the configuration file asks for: its settings, and the targets that they come to."""

    settings: Settings
    targets: tuple[Target, ...]


@frozen
class Plan:
    """Everything an agent is built from.

    `reread` reads the configuration file again, and raises ConfigError; `set_up_logs` sends the log where other
    settings want it, and raises NodePulseError.
    """

    wanted: Wanted
    reread: Callable[[], Wanted]
    set_up_logs: Callable[[Settings], None]
    server_id: str
    state_dir: Path
    buffer_path: Path
    host: PluginHost
    registry: Registry
    version: str
    isolation: Isolation = field(factory=Isolation)
    held: frozenset[str] = frozenset()
    """Targets that are isolated whatever they ask for, since they have held the event loop for ever."""
    give_up: Callable[[Holder, float], None] = lambda holder, seconds: None
    """Ends the agent whose event loop a plugin has held for so many seconds."""

    @property
    def user_agent(self) -> str:
        """How the agent names itself to exporters and dashboards."""
        return f"nodepulse-agent/{self.version}"
