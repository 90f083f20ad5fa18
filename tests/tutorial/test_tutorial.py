"""The tutorial for authors, followed to the letter: its files are written, its commands run, in an empty folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support.environment import Environment, clean
from support.programs import free_port, need
from support.repository import ROOT

PAGE = (ROOT / "docs" / "authors" / "tutorial.md").read_text()
_STEP = re.compile(r"(?:<!-- file: (\S+) -->\n)?^(`{3,})(\w*)\n(.*?)^\2$", re.DOTALL | re.MULTILINE)
_PORTS = ("9150", "8090")
_LIMIT = 240


def steps() -> Iterator[tuple[str, str]]:
    """Yield the page's files as their path and content, and its commands as "" and their lines, in order."""
    for path, _, language, text in _STEP.findall(PAGE):
        assert bool(path) is not (language == "sh"), f"neither a file nor commands: {text[:60]!r}"
        yield path, text


def write_script() -> str:
    """Return the whole tutorial as one script of bash: a file is written where the commands have got to.

    Its environment is the one that the tests of the examples have; what the page installs there must be in it.
    """
    setting_up, *rest = steps()
    assert setting_up[1].splitlines() == [
        "python3 -m venv .venv",
        ". .venv/bin/activate",
        "pip install nodepulse-core nodepulse-dashboard pytest build",
    ]
    lines = ["set -e", "pip install nodepulse-core nodepulse-dashboard pytest build"]
    for path, text in rest:
        # A file that the reader saves is told by its path from the tutorial's folder, or from the plugin's in it.
        write = f"mkdir -p {os.path.dirname(path) or '.'}\ncat > {path} <<'END OF FILE'\n{text}END OF FILE"  # noqa: PTH120 - of a page
        lines += ["echo; echo '== '", write if path else text.rstrip()]
    return "\n".join(lines) + "\n"


def test_following_it_gives_a_plugin_that_is_checked_and_delivers(environment: Environment, tmp_path: Path) -> None:
    """From nothing to a wheel: the tests pass, the check passes, and the dashboard has the shop's numbers."""
    need("bash", "curl")
    script = write_script()
    for port in _PORTS:  # a port of the page may be somebody else's on this machine
        script = script.replace(port, str(free_port()))
    environ = clean(
        {
            "PATH": f"{environment.home / 'bin'}:{os.environ['PATH']}",
            "VIRTUAL_ENV": str(environment.home),
            "HOME": str(tmp_path),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(environment.wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
    )
    log = tmp_path / "said"
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-c", script], cwd=tmp_path, env=environ, stdout=output, stderr=output, start_new_session=True
        )
        try:
            status = shell.wait(_LIMIT)
        finally:
            for name in ("nodepulse-exporter-shop", "nodepulse-dashboard"):
                environment.pip("uninstall", "--yes", name)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)  # the shell, and what it left running
    said = log.read_text()
    assert status == 0, said
    assert "test_exporter" not in said, said  # no test failed
    assert [int(count) for count in re.findall(r"=+ (\d+) passed in", said, re.MULTILINE)] == [15, 15], said
    checked = re.findall(r"^(\d+) passed, (\d+) skipped$", said, re.MULTILINE)
    assert checked == [("13", "2"), ("12", "3")], said
    assert "✗" not in said
    (delivered,) = (json.loads(line) for line in said.splitlines() if line.startswith('{"') and '"snapshots"' in line)
    (snapshot,) = delivered["snapshots"]
    assert snapshot["key"] == "shop_exporter"
    assert snapshot["objects"][0].items() >= {
        ("shop_up", 1),
        ("shop_orders_total", 1331),
        ("shop_web_orders_total", 1290),
        ("shop_order_seconds", 2662.5 / 1331),
    }


def test_the_page_is_ten_minutes() -> None:
    """It has at most twenty steps, and every file is shown whole."""
    assert len(list(steps())) <= 20
    assert PAGE.count("<!-- file: ") == sum(bool(path) for path, _ in steps())
