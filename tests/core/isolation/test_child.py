"""The process of a child: what it is given, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.isolation.apart import Apart
from nodepulse_core.isolation.child import reduce_environment
from support.programs import PATIENCE

Make = Callable[..., Apart]

_AGENT = """
import asyncio, sys
from nodepulse_core.isolation import Isolation
from nodepulse_core.model import Target
from nodepulse_core.plugins import PluginHost, Registry

async def main():
    isolation = Isolation()
    target = Target("n", "node_exporter", "host:", 1.0, 20.0)
    registry = Registry(PluginHost(), isolation.describe)
    given = registry.describe("node_exporter"), registry.installed("node_exporter")
    exporter = isolation.exporter(target, *given, asyncio.get_running_loop())
    await exporter.scrape(target, None)
    print(exporter.state().pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_the_environment_holds_no_secret_of_others() -> None:
    """What programs need stays; what only the agent was given does not."""
    environ = {"PATH": "/bin", "LC_ALL": "C", "PYTHONPATH": "/x", "PGPASSWORD": "hunter2", "NODEPULSE_TOKEN": "hunter2"}
    assert reduce_environment(environ) == {"PATH": "/bin", "LC_ALL": "C", "PYTHONPATH": "/x", "MALLOC_ARENA_MAX": "1"}


async def test_it_has_a_group_of_its_own_and_no_file_of_the_agent(make_apart: Make, tmp_path: Path) -> None:
    """Ctrl-C in the agent's terminal is not for it; a file or socket that the agent has open is not there."""
    apart = make_apart("""
        async def scrape(self, target, http):
            import json, os
            files = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if name != "x"
                     and os.path.lexists(f"/proc/self/fd/{name}")]
            return json.dumps({"group": os.getpgid(0), "pid": os.getpid(), "files": files,
                               "environ": sorted(os.environ)}).encode()
    """)
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        said = json.loads(await apart.scrape())
    assert said["group"] == said["pid"]
    assert str(tmp_path / "secret") not in said["files"]
    assert not [name for name in said["files"] if name.startswith("/") and not name.startswith("/dev/null")]
    assert not [name for name in said["environ"] if "PYTEST" in name]


async def test_what_it_prints_is_no_answer(make_apart: Make) -> None:
    """Standard output is the log's; the answer comes by a pipe of its own."""
    apart = make_apart("""
        async def scrape(self, target, http):
            import os
            print("hello", flush=True)
            os.write(1, b"hello again")
            return b"up 1\\n"
    """)
    assert await apart.scrape() == b"up 1\n"


def test_it_ends_with_the_agent() -> None:
    """An agent that is killed leaves no process behind."""
    agent = subprocess.Popen([sys.executable, "-c", _AGENT], stdout=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    try:
        pid = int(agent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
    finally:
        agent.kill()
        agent.wait(PATIENCE)
        agent.stdout.close()
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]
