"""What the agent keeps between runs: its state directory, and who it is."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path

from nodepulse_core.config.checks import SERVER_ID
from nodepulse_core.config.settings import Settings
from nodepulse_core.errors import NodePulseError

SHARED_STATE = Path("/var/lib/nodepulse")
_SERVER_ID = re.compile(SERVER_ID)


def find_state_dir(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the configured directory; else /var/lib/nodepulse where this user may write it, else one of the user's."""
    if settings.agent.state_dir is not None:
        return settings.agent.state_dir
    if os.access(SHARED_STATE if SHARED_STATE.exists() else SHARED_STATE.parent, os.W_OK):
        return SHARED_STATE
    home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "nodepulse"


def find_buffer(settings: Settings, state_dir: Path) -> Path:
    """Return the directory of the buffer."""
    return settings.buffer.path or state_dir / "buffer"


def find_server_id(settings: Settings, state_dir: Path) -> str:
    """Return the configured id; else the one that was kept; else make one and keep it, readable by its user only.

    Raises NodePulseError, naming the file, where the kept one is unreadable or no id: it is never replaced, since
    the dashboard knows this server by it.
    """
    if settings.agent.server_id is not None:
        return settings.agent.server_id
    path = state_dir / "server_id"
    try:
        kept = path.read_text().strip()
    except FileNotFoundError:
        return _make_server_id(path)
    except OSError as error:
        raise NodePulseError(f"cannot read this agent's id in {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        kept = ""
    if not _SERVER_ID.fullmatch(kept):
        raise NodePulseError(f"{path} holds no server_id; put the id back, or remove the file to have a new one made")
    return kept


def _make_server_id(path: Path) -> str:
    made = str(uuid.uuid4())
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "w") as stream:
            stream.write(made + "\n")
            stream.flush()
            os.fsync(file)
        temporary.replace(path)
    except OSError as error:
        raise NodePulseError(f"cannot keep this agent's id in {path}: {error.strerror}; set agent.state_dir") from error
    return made
