"""A whole file in the place of another."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Put a whole file in the place of what is there, or leave that as it is; raises OSError.

    `owner` is user and group; without it they stay the same, as far as there was a file and this user may.
    """
    if path.is_dir():
        raise IsADirectoryError(None, "Is a directory")
    if owner is None and path.exists() and os.geteuid() == 0:
        owner = path.stat().st_uid, path.stat().st_gid
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
            if owner is not None:
                os.fchown(stream.fileno(), *owner)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
