"""The fixtures, as an author's tests use them, and what they cost who does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from nodepulse_core.testing import Dashboard, FakeClock, MetricsServer, RunningAgent


def test_an_agent_delivers_what_a_server_answers(
    nodepulse_metrics: MetricsServer, nodepulse_dashboard: Dashboard, nodepulse_agent: Callable[..., RunningAgent]
) -> None:
    """The three work together: what the server of metrics says is what the dashboard gets; what fails is in the log."""
    nodepulse_metrics.text = "shop_orders_total 7\n"
    agent = nodepulse_agent({"shop": nodepulse_metrics.endpoint})
    (first, *_) = nodepulse_dashboard.wait_for("shop")
    assert first["raw_text"].startswith("shop_orders_total 7 ")
    nodepulse_metrics.behave("error")
    assert "500" in agent.wait_for_log("it answers 500")


def test_a_target_may_have_settings(
    nodepulse_metrics: MetricsServer, nodepulse_dashboard: Dashboard, nodepulse_agent: Callable[..., RunningAgent]
) -> None:
    """In place of an endpoint a target may have any of the configuration's keys."""
    nodepulse_metrics.text = "redis_up 1\n"
    nodepulse_agent({"cache": {"type": "redis_exporter", "endpoint": nodepulse_metrics.endpoint}})
    assert nodepulse_dashboard.wait_for("redis_exporter")[0].items() >= {("redis_up", 1), ("instance", "cache")}


def test_the_clock_is_one_to_move(nodepulse_clock: FakeClock) -> None:
    """It stands still until it is moved."""
    before = nodepulse_clock.now()
    nodepulse_clock.move(1)
    assert nodepulse_clock.now() == before + 1


def test_who_does_not_ask_does_not_pay(tmp_path: Path) -> None:
    """A run that uses no fixture loads nothing of the kit, and none of the libraries that the agent needs to run."""
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_it(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.hasplugin('nodepulse')\n"
        "    loaded = {name for name in sys.modules if name.startswith('nodepulse_core.')}\n"
        "    assert not {name for name in loaded if name.startswith('nodepulse_core.testing')}\n"
        "    assert not {'aiohttp', 'ruamel', 'cattrs', 'orjson', 'click', 'rich', 'http.server'} & set(sys.modules)\n"
    )
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-c", "/dev/null"]
    ran = subprocess.run([*run, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout


def test_the_agent_needs_no_pytest() -> None:
    """Neither the kit's checks nor the command import it."""
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "import nodepulse_core.testing, nodepulse_core.testing.checks, nodepulse_core.cli.plugins, nodepulse_core.agent"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
