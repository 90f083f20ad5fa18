"""The command `nodepulse` as a process, in surroundings of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.plugins import Site

NODEPULSE = [sys.executable, "-m", "nodepulse_core"]
_PATIENCE = 60.0


class Command:
    """Runs `nodepulse` in a directory, with a home and plugins of its own, and no configuration but what is given."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.site = Site(home / "site")

    @property
    def environ(self) -> dict[str, str]:
        """The environment it runs in."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NODEPULSE", "XDG_"))}
        return kept | {"HOME": str(self.home), "PYTHONPATH": str(self.site.path), "PYTHONSAFEPATH": "1"}

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run it to its end; no test may see a traceback."""
        ended = subprocess.run(
            [*NODEPULSE, *arguments],
            cwd=self.home,
            env=self.environ | dict(environ or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return ended

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Start it, with pipes."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        given = {"env": self.environ, **pipes, **options}
        return subprocess.Popen([*NODEPULSE, *arguments], cwd=self.home, **given)  # type: ignore[call-overload,no-any-return]  # as given

    def configure(self, text: str) -> Path:
        """Write the configuration that it finds by itself."""
        path = self.home / "nodepulse.yml"
        path.write_text(text)
        return path
