"""The targets that held the event loop for ever: kept over the restart that this takes, to be isolated after it.

They are kept in `<state_dir>/held.json`, and hold for the version of the plugin that did it: another one is tried anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from nodepulse_core.plugins import Installed

_NAME = "held.json"
_LARGEST = 2**20


class HeldTargets:
    """The file that keeps them. It is a help, never a hindrance: what cannot be read is none, and is said by nobody."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / _NAME

    def add(self, target: str, plugin: Installed) -> None:
        """Keep one more; raises OSError where that cannot be done."""
        kept = self._read()
        kept[target] = [plugin.distribution, plugin.version]
        temporary = self.path.with_name(f".{_NAME}.{os.getpid()}")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "w") as stream:
            json.dump(kept, stream)
            stream.flush()
            os.fsync(file)
        temporary.replace(self.path)

    def find(self, installed: Iterable[Installed]) -> frozenset[str]:
        """Return the names of those whose plugin is still of the version that held the loop."""
        versions = {each.distribution: each.version for each in installed}
        return frozenset(
            target for target, (distribution, version) in self._read().items() if versions.get(distribution) == version
        )

    def _read(self) -> dict[str, list[str]]:
        try:
            with self.path.open("rb") as file:
                kept = json.loads(file.read(_LARGEST))
            return {str(name): [str(distribution), str(version)] for name, (distribution, version) in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}
