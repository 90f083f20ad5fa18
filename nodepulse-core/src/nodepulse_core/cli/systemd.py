"""systemctl, as far as the service is concerned."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from attrs import frozen

from nodepulse_core.errors import NodePulseError

UNIT = "nodepulse.service"
UNIT_PATH = Path("/etc/systemd/system") / UNIT
BOOTED = Path("/run/systemd/system")
"""Is there where systemd runs this machine (sd_booted(3))."""

_OTHERWISE = "run `nodepulse start` under the supervisor that is here"


@frozen
class Systemd:
    """The systemctl of this machine."""

    program: str

    @classmethod
    def find(cls) -> Systemd:
        """Return systemctl; raises NodePulseError where there is none."""
        program = shutil.which("systemctl")
        if program is None:
            raise NodePulseError(f"there is no systemctl here, as in most containers; {_OTHERWISE}")
        return cls(program)

    @property
    def booted(self) -> bool:
        """Tell whether systemd runs this machine."""
        return BOOTED.is_dir()

    def run(self, verb: str, *options: str) -> int:
        """Have systemctl do something with the unit, with its output as it is; return its exit status."""
        if not self.booted:
            raise NodePulseError(f"systemd is installed, but does not run this machine (a container?); {_OTHERWISE}")
        return subprocess.run([self.program, *options, verb, UNIT], check=False).returncode  # noqa: S603 - the system's own

    def must(self, verb: str, *options: str) -> None:
        """Do the same; raises NodePulseError where it fails."""
        status = self.run(verb, *options)
        if status != 0:
            raise NodePulseError(
                f"systemctl {verb} {UNIT} failed with status {status}; see: journalctl -u nodepulse -n 20"
            )

    def enable(self) -> None:
        """Have the unit start at boot, also in an image that is not running."""
        self._plain("enable", UNIT)

    def reload(self) -> None:
        """Have systemd read its units again, where it runs."""
        if self.booted:
            self._plain("daemon-reload")

    def disable(self) -> None:
        """End the unit where it runs, and have it start no more."""
        self._plain("disable", *(["--now"] if self.booted else []), UNIT)

    def _plain(self, *arguments: str) -> None:
        ran = subprocess.run([self.program, *arguments], check=False, capture_output=True, text=True)  # noqa: S603 - the same
        if ran.returncode != 0:
            why = ran.stderr.strip() or f"status {ran.returncode}"
            raise NodePulseError(f"systemctl {' '.join(arguments)} failed: {why}")
