"""The session of docs/operating.md, as a new user gives it: every command of it, at free ports."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from playwright.async_api import expect
from support.agents import agent_of
from support.browser import PATIENCE, launched, seen, visiting
from support.nodepulse import await_latest, running_dashboard
from support.programs import free_port, need
from support.repository import ROOT

PAGE = ROOT / "docs" / "operating.md"
BLOCK = re.compile(r"<!-- session: (\w+) -->\n```\w*\n(.*?)```", re.DOTALL)


class Session:
    """The blocks of the document, with the usual ports replaced; each is taken once."""

    def __init__(self, home: Path, ports: dict[int, int]) -> None:
        self.blocks: dict[str, str] = dict(BLOCK.findall(PAGE.read_text()))
        self.home = home
        for usual, port in ports.items():
            self.reach(usual, port)

    def take(self, name: str) -> str:
        """Return a block's text."""
        return self.blocks.pop(name)

    def reach(self, usual: int, port: int | None) -> None:
        """Have the commands reach a port instead of the usual one."""
        self.blocks = {name: text.replace(f":{usual}", f":{port}") for name, text in self.blocks.items()}

    async def give(self, name: str) -> list[str]:
        """Give a block's commands as they stand, and return what each says; any status but 0 fails."""
        said = []
        environ = {**os.environ, "HOME": str(self.home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for line in self.take(name).replace('"15s"', '"1s"').replace("--interval 15s", "--interval 1s").splitlines():
            done = await asyncio.to_thread(
                subprocess.run,
                shlex.split(line),
                capture_output=True,
                text=True,
                cwd=self.home,
                env=environ,
                timeout=60,
            )
            assert done.returncode == 0, f"{line}: {done.stdout} {done.stderr}"
            said.append(done.stdout)
        return said


@asynccontextmanager
async def program(port: int) -> AsyncIterator[None]:
    """Run a program of the user's own that answers with Prometheus text."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="# TYPE orders_total counter\norders_total 7\n")

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def test_the_session_of_the_documentation(node_exporter: str, tmp_path: Path) -> None:
    """Found, added and delivered; watched on a page that is never reloaded: down, up again, removed."""
    need("curl", "chromium")
    node, orders, billing = urlsplit(node_exporter).port, free_port(), free_port()
    session = Session(tmp_path, {8080: orders, 8081: billing})
    with running_dashboard(tmp_path) as dashboard:
        session.reach(8089, urlsplit(f"//{dashboard}").port)
        assert session.take("start").split("\n")[0] == "nodepulse dashboard"
        config = tmp_path / "nodepulse.yml"
        config.write_text(
            # Beside what the document says: only this test's exporters are looked for, and nothing leaves its folder.
            session.take("configuration").replace("enabled: true", f"enabled: true, scan_ports: [{node}]")
            + f"agent: {{state_dir: '{tmp_path}', server_id: real-1}}\n"
            + "buffer: {drain_jitter: 0s, min_free_bytes: 1MiB}\n"
            + f"api: {{listen: '127.0.0.1:{free_port()}'}}\n"
        )
        with agent_of(config, tmp_path / "agent.log") as agent:
            session.reach(8088, urlsplit(agent.url).port)
            async with launched() as browser, visiting(browser, agent.url) as visitor, program(billing):
                await visitor.open()
                row, names = visitor.page.locator("#target-orders"), visitor.page.locator("#rows th b")
                await expect(names).to_have_text([f"node_exporter_{node}"], timeout=PATIENCE)
                session.blocks["discover"] = session.take("discover").replace("discover", f"discover --ports {node}")
                assert "node_exporter" in (await session.give("discover"))[0]
                async with program(orders):
                    await session.give("add")
                    await expect(names).to_have_text(["billing", f"node_exporter_{node}", "orders"], timeout=PATIENCE)
                    await seen(row, "running")
                    await asyncio.to_thread(await_latest, dashboard, "orders", agent.log)
                await seen(row, "failed")
                await seen(row, "connection refused")
                await seen(visitor.page.locator("#reasons"), "orders fails")
                listed, health, last = await session.give("see")
                assert re.search(r"orders .* failed .* connection refused", listed)
                assert json.loads(health)["status"] == "degraded"
                assert "orders_total 7" in last
                async with program(orders):
                    await seen(row, "running")
                    await seen(visitor.page.locator("#headline"), "No target fails")
                    await session.give("remove")
                    await expect(names).to_have_text([f"node_exporter_{node}"], timeout=PATIENCE)
                assert visitor.complaints == []
                assert visitor.requests.count(f"{agent.url}/") == 1
    assert session.blocks == {}
