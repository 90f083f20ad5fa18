"""A virtual environment as a user has it: the core from its wheel, and what pip is asked to add and remove."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.programs import REQUIRED
from support.repository import EXAMPLES, ROOT

_FOREIGN = ("NODEPULSE_", "PYTHON", "VIRTUAL_ENV")


@frozen
class Environment:
    """A virtual environment, and the folder of wheels from which pip installs into it."""

    home: Path
    wheels: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.home / "bin" / "python")

    @property
    def nodepulse(self) -> str:
        """Its `nodepulse` command."""
        return str(self.home / "bin" / "nodepulse")

    def run(self, *command: str | Path, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a program away from the repository, and wait for it; its status is the caller's to judge."""
        return subprocess.run(
            command, cwd=cwd or self.home, env=clean(environ), capture_output=True, text=True, check=False, timeout=120
        )

    def pip(self, *arguments: str | Path) -> None:
        """Run pip; fails with what it said."""
        ran = self.run(self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)
        assert ran.returncode == 0, ran.stderr

    @contextlib.contextmanager
    def with_installed(self, distribution: str) -> Iterator[None]:
        """Install a distribution from the folder of wheels alone, and uninstall it when the block ends."""
        self.pip("install", "--no-index", "--find-links", self.wheels, distribution)
        try:
            yield
        finally:
            self.pip("uninstall", "--yes", distribution)

    def plugins(self) -> dict[str, dict[str, Any]]:
        """Return the rows of `nodepulse plugins list`, by name."""
        listed = self.run(self.nodepulse, "plugins", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return {row["name"]: row for row in json.loads(listed.stdout)}


def clean(environ: dict[str, str]) -> dict[str, str]:
    """Return this process's environment without what would lead a program back to the repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**kept, **environ}


def make_environment(home: Path, wheels: Path) -> Environment:
    """Make an empty virtual environment."""
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    return Environment(home, wheels)


def build_wheels(out: Path) -> None:
    """Build the core's and the dashboard's wheels, each example's sdist and wheel; and get what builds a plugin."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out)]
    ours = [[*build, "--wheel", str(ROOT / name)] for name in ("nodepulse-core", "nodepulse-dashboard")]
    for command in (*ours, *([*build, str(each)] for each in EXAMPLES)):
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stdout + built.stderr


def fill_environment(made: Environment, *distributions: str) -> None:
    """Install what distributions need, with hashes, and the core from its wheel; flit_core joins the wheels.

    Skips with pip's reason where the index cannot be reached, and fails where the run requires it.
    """
    requirements = (ROOT / "requirements.txt").read_text()
    pinned, backend = made.home.parent / "requirements.txt", made.home.parent / "backend.txt"
    pinned.write_text(pin(requirements, *distributions))
    backend.write_text(pin(requirements, "flit_core"))
    try:
        made.pip("install", "--require-hashes", "--retries", "1", "-r", pinned)
        made.pip("download", "--no-deps", "--require-hashes", "--retries", "1", "--dest", made.wheels, "-r", backend)
    except AssertionError as error:
        if os.environ.get(REQUIRED):
            raise
        pytest.skip(f"pip cannot get what the core needs: {str(error).strip().splitlines()[-1]}")
    made.pip("install", "--no-index", "--find-links", made.wheels, "nodepulse-core")


def pin(requirements: str, *distributions: str) -> str:
    """Return those blocks of a requirements.txt, hashes included, that distributions need here, directly or not."""
    blocks = {
        canonicalize_name(re.split(r"[=\[ ;]", block, maxsplit=1)[0]): block
        for block in re.split(r"\n(?=[a-zA-Z])", requirements.strip())
    }
    wanted: set[str] = set()
    ahead = list(distributions)
    while ahead:
        name = canonicalize_name(ahead.pop())
        if name not in wanted:
            wanted.add(name)
            needed = map(Requirement, requires(name) or [])
            ahead += [each.name for each in needed if not each.marker or each.marker.evaluate({"extra": ""})]
    return "\n".join(block for name, block in blocks.items() if name in wanted) + "\n"
