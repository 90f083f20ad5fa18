"""The configuration as a file: where it is looked for, and its bytes.

It stands outside of `config/`, which needs a YAML parser: a command that only asks whether there is a file, and
whether a word is in it, does not pay for one.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Mapping
from pathlib import Path

from nodepulse_core.errors import ConfigError, Problem

_LARGEST_FILE = 256 * 1024
SHARED_CONFIG = Path("/etc/nodepulse/nodepulse.yml")
_HERE = Path("nodepulse.yml")


def find_config(explicit: Path | None, environ: Mapping[str, str], *, shared: Path = SHARED_CONFIG) -> Path:
    """Return the configuration to use; raises ConfigError, naming all places looked at, where there is none."""
    named = explicit or (Path(environ["NODEPULSE_CONFIG"]) if environ.get("NODEPULSE_CONFIG") else None)
    if named is not None:
        return named
    home = Path(environ["HOME"]) / ".nodepulse" / "nodepulse.yml" if environ.get("HOME") else None
    places = [place for place in (shared, home, _HERE) if place is not None]
    for place in places:
        if _is_there(place):
            return place
    looked = ", ".join(map(str, places))
    raise ConfigError([Problem(f"looked in {looked}; write one with: nodepulse config init")], "no configuration found")


def _is_there(place: Path) -> bool:
    """Tell whether there is a file; one that must not be looked at counts, so that reading it says so."""
    try:
        return place.is_file()
    except OSError as error:
        return error.errno == errno.EACCES


def read_content(path: Path) -> bytes:
    """Return what a file holds; raises ConfigError where it cannot be read, or is too large."""
    source = str(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe could be read once only, a device without end
            kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
            raise ConfigError([Problem(f"it is {kind}")], source)
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([Problem(f"it cannot be read: {reason}")], source) from error
    if len(content) > _LARGEST_FILE:
        raise ConfigError([Problem("it is larger than 256 KiB, which no configuration is")], source)
    return content
