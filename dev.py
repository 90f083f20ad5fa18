#!/usr/bin/env python3
"""Sets up this repository and runs its jobs, on Python 3.11 or newer and nothing else.

    python3 dev.py demo     agent, dashboard and a page to look at
    python3 dev.py test     all tests
    python3 dev.py bench    the benchmarks, or one of them: python3 dev.py bench direct
    python3 dev.py lint     ruff and mypy
    python3 dev.py setup    only the set-up

What follows the job is passed on: python3 dev.py test tests/core -k buffer, python3 dev.py demo --for 30s
"""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "set-up")
REQUIREMENTS = os.path.join(ROOT, "requirements.txt")
DISTRIBUTIONS = ("core", "exporter-node", "exporter-postgres", "exporter-redis", "exporter-process", "dashboard")
FOLDERS = [os.path.join(ROOT, "nodepulse-" + name) for name in DISTRIBUTIONS]
EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "examples", "nodepulse-*")))
LINT = (
    ["-m", "ruff", "check"],
    ["-m", "ruff", "format", "--check"],
    ["-m", "mypy", *(os.path.join(folder, "src") for folder in FOLDERS + EXAMPLES)],
)
JOBS = {
    "demo": [["-m", "nodepulse_core", "demo"]],
    "test": [["-m", "pytest"]],
    "bench": [[os.path.join(ROOT, "benchmarks")]],
    "lint": LINT,
    "setup": [],
}


def main(arguments):
    """Set up what is not set up yet, then run a job; return its exit status."""
    if sys.version_info < (3, 11):
        sys.exit("dev.py: this is Python {}.{}; NodePulse needs 3.11 or newer".format(*sys.version_info))
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    job, *rest = arguments
    if job not in JOBS:
        sys.exit(f"dev.py: there is no job {job!r}; there are {', '.join(JOBS)}")
    set_up()
    for command in JOBS[job]:
        status = run_job([PYTHON, *command, *rest])
        if status:
            return status
    return 0


def run_job(command):
    """Run a job to its end. A Ctrl-C reaches it by itself; this only waits for it to clean up."""
    process = subprocess.Popen(command, cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def set_up():
    """Make .venv and install into it, once; again when what it is made from has changed."""
    wanted = fingerprint()
    if read(STAMP) == wanted:
        return
    with open(os.path.join(ROOT, ".dev.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second dev.py waits here, and then finds the work done
        if read(STAMP) == wanted:
            return
        say("setting up .venv; this is done once and takes about a minute")
        make_venv()
        install("--require-hashes", "-r", REQUIREMENTS)
        editable = [part for folder in FOLDERS for part in ("-e", folder)]
        install("--no-deps", "--no-build-isolation", *editable)
        with open(STAMP, "w") as stamp:
            stamp.write(wanted)
        say("set up")


def fingerprint():
    """Return a digest of all that the set-up depends on."""
    digest = hashlib.sha256(f"{ROOT} {sys.version}".encode())
    for path in (REQUIREMENTS, *(os.path.join(folder, "pyproject.toml") for folder in FOLDERS)):
        digest.update(read(path).encode())
    return digest.hexdigest()


def make_venv():
    """Make an empty .venv with this Python; end with what to install where that cannot be done."""
    shutil.rmtree(VENV, ignore_errors=True)
    if shutil.which("uv"):
        return step(["uv", "venv", "--quiet", "--python", sys.executable, VENV])
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        version = "{}.{}".format(*sys.version_info)
        sys.exit(
            f"dev.py: this Python has no venv module. On Debian and Ubuntu: apt install python{version}-venv; "
            f"on others, the package that brings venv for Python {version}. Then run this again."
        )
    return step([sys.executable, "-m", "venv", VENV])


def install(*arguments):
    """Install with uv where it is there, with pip else."""
    if shutil.which("uv"):
        step(["uv", "pip", "install", "--quiet", "--python", PYTHON, *arguments])
    else:
        quiet = ["--quiet", "--disable-pip-version-check"]
        step([PYTHON, "-m", "pip", "install", *quiet, *arguments])


def step(command):
    """Run a part of the set-up; end with what failed where it fails."""
    try:
        status = subprocess.call(command, cwd=ROOT)
    except KeyboardInterrupt:
        sys.exit("\ndev.py: interrupted; the next run starts the set-up again")
    if status:
        sys.exit(f"dev.py: the set-up failed (status {status}) at: {' '.join(command)}")


def read(path):
    """Return a file's text; nothing where there is none."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def say(text):
    """Write a line of progress."""
    bold, plain = ("\033[1m", "\033[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    print(f"{bold}dev.py: {text}{plain}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
