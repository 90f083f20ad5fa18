"""The system's user that the service runs as."""

from __future__ import annotations

import pwd
import shutil
import subprocess
from pathlib import Path

from nodepulse_core.errors import NodePulseError

USER = "nodepulse"
"""The user, and its group."""


def find_account() -> tuple[int, int] | None:
    """Return the ids of user and group; None where there is no such user yet."""
    try:
        found = pwd.getpwnam(USER)
    except KeyError:
        return None
    return found.pw_uid, found.pw_gid


def ensure_account(home: Path) -> tuple[int, int]:
    """Return the ids of user and group, and make both where they are not there; raises NodePulseError."""
    if (found := find_account()) is not None:
        return found
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise NodePulseError(f"cannot make the user {USER}: there is no useradd here; make that user, then try again")
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", str(home), "--shell", "/usr/sbin/nologin"]
    ran = subprocess.run(  # noqa: S603 - the system's own useradd
        [useradd, *options, USER], capture_output=True, text=True, check=False
    )
    made = find_account()
    if ran.returncode != 0 or made is None:
        raise NodePulseError(f"cannot make the user {USER}: {ran.stderr.strip() or f'status {ran.returncode}'}")
    return made
