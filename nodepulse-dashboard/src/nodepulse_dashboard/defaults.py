"""What holds where nothing else is asked for; imports nothing, so the command's help may show it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

RECEIVE_PATH = "/metrics/prometheus"
LISTEN = "127.0.0.1:8089"
MAX_BODY = 10 * 1024**2
KEEP = 7 * 86400.0
MAX_DATABASE = 2 * 1024**3
BODY_SECONDS = 30.0
MAX_CONNECTIONS = 128
IDLE = 120.0
"""Seconds; longer than the 90 s that an agent keeps a connection, so that it ends it, and no POST meets a close."""


def default_database(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where snapshots are kept: in the user's state directory, as the XDG base directory specification says."""
    state = environment.get("XDG_STATE_HOME", "")
    # A relative path there is to be ignored, says the same specification.
    home = Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
    return home / "nodepulse" / "dashboard.sqlite"
