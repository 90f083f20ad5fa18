"""The developer's menu: nox -l lists it; python3 dev.py has set up all that it needs."""

import os
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).parent
PYTHON = str(ROOT / ".venv" / "bin" / "python")
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/nodepulse-*/pyproject.toml"))
DISTRIBUTIONS = sorted(path.parent for path in ROOT.glob("nodepulse-*/pyproject.toml"))


@nox.session
def lint(session: nox.Session) -> None:
    session.run(PYTHON, "-m", "ruff", "check", external=True)
    session.run(PYTHON, "-m", "ruff", "format", "--check", external=True)


@nox.session
def types(session: nox.Session) -> None:
    session.run(PYTHON, "-m", "mypy", *(str(path / "src") for path in DISTRIBUTIONS + EXAMPLES), external=True)


@nox.session
def tests(session: nox.Session) -> None:
    session.run(PYTHON, "-m", "pytest", *session.posargs, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    session.run(PYTHON, "benchmarks", *session.posargs, external=True)


@nox.session
def build(session: nox.Session) -> None:
    """Build every distribution, and run the command from nothing but the wheels."""
    out = Path(session.create_tmp())
    for old in out.glob("nodepulse_*"):
        old.unlink()
    for path in DISTRIBUTIONS:
        session.run(
            PYTHON, "-m", "build", "--no-isolation", "--outdir", str(out), str(path), external=True, silent=True
        )
    venv = out / "venv"
    session.run(PYTHON, "-m", "venv", "--clear", str(venv), external=True)
    pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    session.run(*pip, "--require-hashes", "-r", str(ROOT / "requirements.txt"), external=True)
    session.run(*pip, "--no-deps", *map(str, out.glob("*.whl")), external=True)
    elsewhere = {**os.environ, "PYTHONSAFEPATH": "1"}
    command = str(venv / "bin" / "nodepulse")
    session.run(command, "--version", env=elsewhere, external=True)
    session.run(command, "plugins", "list", "--load", env=elsewhere, external=True)


@nox.session
def requirements(session: nox.Session) -> None:
    """Write requirements.txt anew, with the newest versions; needs uv."""
    options = ["--all-packages", "--all-groups", "--all-extras", "--no-emit-workspace", "--no-header", "--no-annotate"]
    session.run("uv", "lock", "--upgrade", external=True)
    session.run("uv", "export", "--quiet", *options, "--output-file", "requirements.txt", external=True)
